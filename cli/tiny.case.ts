/** A pipeline of one filter, from a file to a file. */
export const TINY = `version: 1
name: tiny
schemas:
  order: { type: record, name: Order, fields: [{ name: id, type: long }, { name: amount, type: double }] }
preprocess:
  sources:
    - { id: orders, type: file, path: in.jsonl, format: json, schema: order }
  steps:
    - { id: large, type: filter, where: "amount > 100" }
  outputs:
    - { id: kept, from: large, type: file, path: out.jsonl, format: json }
`;
