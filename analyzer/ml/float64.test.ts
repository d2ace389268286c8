import { classifierSuite } from './classifier.case.ts';
import { float64Engine } from './float64.ts';

classifierSuite('float64', async () => float64Engine);
