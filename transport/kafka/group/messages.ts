import type { ErrorCode } from '@millrace/runtime/errors.ts';
import type { KafkaSettings } from '../client.ts';
import type { Moment } from './last-heard.ts';

/** A thing a person should know, as `RunOptions.onEvent` of the record stage takes it. */
export interface GroupEvent {
  readonly level: 'info' | 'warn';
  readonly code: string;
  readonly message: string;
}

/** What the thread of a membership gets to start with. */
export interface MemberSetup {
  readonly settings: KafkaSettings;
  readonly group: string;
  readonly clientId: string;
  readonly instance: string | null;
  readonly slots: number;
  readonly plan: string;
  readonly topics: ReadonlyMap<string, number>;
  /** ms */
  readonly session: number;
  /** ms for which the first contact may fail */
  readonly patience: number;
}

/** source topic → partition → offset of the next record */
export type Positions = ReadonlyMap<string, ReadonlyMap<number, number>>;

/** What the group says, newest word. `version` counts the words, so that an answer tells which it is an answer to. */
export interface GroupState {
  readonly version: number;
  readonly assigned: readonly number[];
  readonly generation: number;
  readonly members: number;
  /** when the member asked for it */
  readonly asked: Moment;
}

export type ToMember =
  | { readonly kind: 'owns'; readonly seen: number; readonly slots: readonly number[] }
  | { readonly kind: 'offsets'; readonly positions: Positions }
  | { readonly kind: 'leave' };

/** `heard`: when the member asked what the group has answered well since the last word; null: the group has gone on without it. */
export type FromMember =
  | { readonly kind: 'state'; readonly state: GroupState }
  | { readonly kind: 'heard'; readonly at: Moment | null }
  | { readonly kind: 'event'; readonly event: GroupEvent }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly hint: string };
