import { readFileSync } from 'node:fs';
import {
  checkpointFields,
  httpFields,
  logFields,
  memoryFields,
  profileFields,
  registryFields,
  saslFields,
  secretFields,
  tlsFields,
  topicFields,
  transportFields,
} from '@millrace/cli/profile/fields.ts';
import { table } from '@millrace/pipeline/reference.ts';

/** The page `docs/profiles.md`, made of the fields that read a profile. */
export function profilesPage(): string {
  const example = readFileSync(new URL('../profiles/kafka.yaml', import.meta.url), 'utf8').trimEnd();
  return `# Profiles

A pipeline file says what is computed, a profile where and how. Made by \`npm run docs\` from \`cli/profile/fields.ts\`.

\`--profile kafka\` takes \`profiles/kafka.yaml\`, here or beside the pipeline file; anything with a slash or a \`.yaml\` is a path. Without one everything runs
embedded, in one process on local files. \`millrace lint profiles/kafka.yaml\` checks a profile offline, \`millrace doctor --profile kafka\` asks every
endpoint it names. Variables and units are those of pipeline files: \`\${VAR}\`, \`\${VAR:-default}\`, \`250ms\`, \`64MiB\`. The one that a checkout has:

\`\`\`yaml
${example}
\`\`\`

Secrets never stand in the file: \`"\${NAME}"\` takes a variable, \`file:PATH\` a file beside the profile. No message shows them.

## Top level

${table(profileFields)}

## transport

${table(transportFields)}

\`visibility: immediate\` (\`client: fast\` only): a record leaves as soon as it is made, a few milliseconds a hop, and each stands in its topic once, whatever dies. Records of several
partitions do not appear together, and nobody else may write the outputs: a second pipeline that does is refused (\`topic_shared\`). What was only read is written down within \`commit_every\`.
\`transactional\`: what a commit holds becomes visible with it, all of it or nothing, to those who read committed; half of \`commit_every\` and some milliseconds a hop. \`topics\`:

${table(topicFields)}

\`tls: true\` trusts the authorities of the system. Otherwise:

${table(tlsFields)}

\`sasl\`:

${table(saslFields)}

## registry

${table(registryFields)}

## checkpoint

${table(checkpointFields)}

## memory

${table(memoryFields)}

## http

${table(httpFields)}

## log

${table(logFields)}

## secrets

${table(secretFields)}
`;
}
