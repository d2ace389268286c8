import { describe, expect, test } from 'vitest';
import { called, millrace, tempDir } from './millrace.case.ts';

const dir = tempDir();
const COMMANDS = [
  'demo',
  'init',
  'lint',
  'explain',
  'run',
  'topic cat',
  'topic produce',
  'topic list',
  'model list',
  'model show',
  'model promote',
  'model rollback',
  'model evaluate',
  'doctor',
  'worker',
];

describe('help', () => {
  test('names every command that exists and none that does not', async () => {
    const { code, stdout, stderr } = await millrace(dir.path, '--help');
    expect(code).toBe(0);
    expect(stderr).toBe('');
    for (const command of COMMANDS) expect(stdout).toContain(`  ${command.split(' ')[0]} `);
    for (const later of ['test', 'savepoint', 'dlq', 'compile', 'bench']) expect(stdout).not.toMatch(new RegExp(`^  ${later}\\b`, 'm'));
    expect(stdout).toContain('Example:');
  });

  test.each(COMMANDS)('%s shows its options and an example', async (command) => {
    const { code, stdout } = await called(dir.path, [...command.split(' '), '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: millrace ${command} `);
    expect(stdout).toContain('--json');
    expect(stdout).toMatch(new RegExp(`Examples?:\\n {2}\\$ .*millrace ${command}\\b`));
  });

  test('version', async () => {
    expect(await millrace(dir.path, '--version')).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: '' });
  });
});

describe('wrong usage ends with 2 and says what was meant', () => {
  test.each([
    [['lnt'], "unknown command 'lnt'", 'Did you mean lint?'],
    [['topic', 'cta', 'x'], "unknown command 'cta'", 'Did you mean cat?'],
    [['model', 'promote', 'p.yaml'], "missing required argument 'hash'", 'See millrace model promote --help.'],
    [['run', 'p.yaml', '--unti', 'end'], "unknown option '--unti'", 'Did you mean --until?'],
    [['lint'], "missing required argument 'file'", 'See millrace lint --help.'],
    [['run', 'p.yaml', 'q.yaml'], 'too many arguments', 'See millrace run --help.'],
    [['run', 'p.yaml', '--until', 'noon'], 'Allowed choices are end', 'See millrace run --help.'],
    [['run', 'p.yaml', '--only', 'half'], 'Allowed choices are preprocess', 'See millrace run --help.'],
    [['topic', 'cat', 'x', '--limit', 'few'], 'whole number', 'See millrace topic cat --help.'],
    [['run', 'p.yaml', '--data-dir'], 'argument missing', 'See millrace run --help.'],
  ])('%j', async (args, message, hint) => {
    const { code, stdout, stderr } = await called(dir.path, args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(`millrace: wrong_usage `);
    expect(stderr).toContain(message);
    expect(stderr).toContain(`hint: ${hint}`);
    expect(stderr).not.toMatch(/^ {4}at /m);
  });

  test('no command at all shows the help on stderr', async () => {
    const { code, stdout, stderr } = await called(dir.path, []);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: millrace');
  });

  test('with --json the error is a document too', async () => {
    const { code, stdout, stderr } = await millrace(dir.path, 'run', 'nowhere.yaml', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      error: { file: 'nowhere.yaml', line: 1, col: 1, code: 'unreadable_pipeline', message: 'There is no such file.', hint: expect.any(String) },
    });
    expect(stderr).toContain('nowhere.yaml:1:1 unreadable_pipeline There is no such file.');
  });

  test('--debug adds the stack', async () => {
    const { code, stderr } = await called(dir.path, ['run', 'nowhere.yaml', '--debug']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^ {4}at /m);
  });
});
