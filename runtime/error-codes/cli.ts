import type { ErrorEntry } from './entry.ts';

/** What the command refuses. */
export const cliErrors = {
  address_exposed: {
    kind: 'run',
    meaning: 'The status server would be open to other machines without a token.',
    hint: 'Listen on 127.0.0.1, or give the profile http: { listen: …, token: "${NAME}" }.',
  },
  address_unusable: {
    kind: 'run',
    meaning: 'The status server cannot listen at its address.',
    hint: 'Stop what listens there, or give another address: --status 127.0.0.1:0 takes any port that is free.',
  },
  bad_line: { kind: 'run', meaning: 'A line of the input is no record that the topic can take.', hint: 'Mend the line; what came before it is written.' },
  data_dir_missing: { kind: 'run', meaning: 'There is no data directory at this path.', hint: 'Run the pipeline first, or pass --data-dir.' },
  defect: {
    kind: 'run',
    meaning: 'Something went wrong that millrace did not foresee.',
    hint: 'Run again with --debug for the stack trace, and report it with the pipeline file.',
  },
  already_there: { kind: 'usage', meaning: 'A file that would be written is there already.', hint: 'Name another directory.' },
  file_unreadable: { kind: 'usage', meaning: 'A file named on the command line is missing or cannot be read.', hint: 'Check the path.' },
  not_found_here: { kind: 'usage', meaning: 'Nothing here says which data directory or profile is meant.', hint: 'Pass --data-dir or --pipeline.' },
  unreadable_pipeline: { kind: 'usage', meaning: 'The pipeline file or profile cannot be read.', hint: 'Check the path.' },
  wrong_usage: { kind: 'usage', meaning: 'The command was called in a way it does not know.', hint: 'See millrace --help.' },
} as const satisfies Record<string, ErrorEntry>;
