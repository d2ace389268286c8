/** Consume and produce, nothing in between: each record's value is copied to another topic. `node bare.ts DIR` */
import { consume } from './consume.ts';

const NO_KEY = new Uint8Array(0);

await consume(process.argv[2], ['payments.copied'], (view, now, [out]) => {
  const { buffer, valueStart, valueEnd, count } = view;
  for (let i = 0; i < count; i++) {
    const size = valueEnd[i] - valueStart[i];
    let pos = out.begin(0, now, NO_KEY, 0, -1);
    while (out.buffer.length - pos < size) pos = out.grow();
    out.end(pos + buffer.copy(out.buffer, pos, valueStart[i], valueEnd[i]));
  }
});
