import { type ErrorCode, MillraceError } from '@millrace/runtime/errors.ts';

/** Kafka's error codes that mean something to us (https://kafka.apache.org/protocol#protocol_error_codes). */
export const CODE = {
  none: 0,
  offsetOutOfRange: 1,
  unknownTopic: 3,
  leaderNotAvailable: 5,
  coordinatorLoading: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  illegalGeneration: 22,
  inconsistentProtocol: 23,
  unknownMember: 25,
  rebalanceInProgress: 27,
  topicExists: 36,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  notAttempted: 55,
  memberIdRequired: 79,
  fencedInstance: 82,
  unknownTransactionalId: 105,
} as const;

type Meaning = readonly [name: string, what: 'retry' | 'moved' | ErrorCode];

/** retry: later, the same way · moved: later, after asking who leads or coordinates now · else the code it ends with */
const MEANINGS: Readonly<Record<number, Meaning>> = {
  1: ['OFFSET_OUT_OF_RANGE', 'broker_refused'],
  2: ['CORRUPT_MESSAGE', 'retry'],
  3: ['UNKNOWN_TOPIC_OR_PARTITION', 'moved'],
  5: ['LEADER_NOT_AVAILABLE', 'moved'],
  6: ['NOT_LEADER_OR_FOLLOWER', 'moved'],
  7: ['REQUEST_TIMED_OUT', 'retry'],
  8: ['BROKER_NOT_AVAILABLE', 'moved'],
  9: ['REPLICA_NOT_AVAILABLE', 'moved'],
  10: ['MESSAGE_TOO_LARGE', 'message_too_large'],
  13: ['NETWORK_EXCEPTION', 'moved'],
  14: ['COORDINATOR_LOAD_IN_PROGRESS', 'retry'],
  15: ['COORDINATOR_NOT_AVAILABLE', 'moved'],
  16: ['NOT_COORDINATOR', 'moved'],
  17: ['INVALID_TOPIC_EXCEPTION', 'broker_refused'],
  18: ['RECORD_LIST_TOO_LARGE', 'message_too_large'],
  19: ['NOT_ENOUGH_REPLICAS', 'retry'],
  20: ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'retry'],
  22: ['ILLEGAL_GENERATION', 'broker_refused'],
  23: ['INCONSISTENT_GROUP_PROTOCOL', 'broker_refused'],
  24: ['INVALID_GROUP_ID', 'broker_refused'],
  25: ['UNKNOWN_MEMBER_ID', 'broker_refused'],
  26: ['INVALID_SESSION_TIMEOUT', 'broker_refused'],
  29: ['TOPIC_AUTHORIZATION_FAILED', 'not_authorized'],
  30: ['GROUP_AUTHORIZATION_FAILED', 'not_authorized'],
  31: ['CLUSTER_AUTHORIZATION_FAILED', 'not_authorized'],
  32: ['INVALID_TIMESTAMP', 'broker_refused'],
  35: ['UNSUPPORTED_VERSION', 'broker_refused'],
  37: ['INVALID_PARTITIONS', 'broker_refused'],
  38: ['INVALID_REPLICATION_FACTOR', 'broker_refused'],
  40: ['INVALID_CONFIG', 'broker_refused'],
  41: ['NOT_CONTROLLER', 'moved'],
  42: ['INVALID_REQUEST', 'broker_refused'],
  44: ['POLICY_VIOLATION', 'broker_refused'],
  45: ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'broker_refused'],
  47: ['INVALID_PRODUCER_EPOCH', 'fenced'],
  48: ['INVALID_TXN_STATE', 'broker_refused'],
  49: ['INVALID_PRODUCER_ID_MAPPING', 'fenced'],
  50: ['INVALID_TRANSACTION_TIMEOUT', 'broker_refused'],
  51: ['CONCURRENT_TRANSACTIONS', 'retry'],
  52: ['TRANSACTION_COORDINATOR_FENCED', 'retry'],
  53: ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'not_authorized'],
  54: ['SECURITY_DISABLED', 'broker_refused'],
  55: ['OPERATION_NOT_ATTEMPTED', 'retry'],
  56: ['KAFKA_STORAGE_ERROR', 'moved'],
  74: ['FENCED_LEADER_EPOCH', 'moved'],
  75: ['UNKNOWN_LEADER_EPOCH', 'moved'],
  78: ['OFFSET_NOT_AVAILABLE', 'retry'],
  81: ['GROUP_MAX_SIZE_REACHED', 'broker_refused'],
  82: ['FENCED_INSTANCE_ID', 'fenced'],
  87: ['INVALID_RECORD', 'broker_refused'],
  89: ['THROTTLING_QUOTA_EXCEEDED', 'retry'],
  90: ['PRODUCER_FENCED', 'fenced'],
};

/** What failed for now, and may succeed when tried again. */
export class Transient extends Error {
  /** ask who leads or coordinates before the next try */
  readonly moved: boolean;
  /** what it ends with when it never succeeds */
  readonly code: ErrorCode;
  constructor(message: string, moved: boolean, code: ErrorCode = 'broker_unreachable', cause?: unknown) {
    super(message, { cause });
    this.moved = moved;
    this.code = code;
  }
}

/** A broker's error code as an error: `Transient`, or a `MillraceError` that trying again cannot change. `about`: `topic orders`. */
export function refusal(code: number, about: string, said: string | null = null): Transient | MillraceError {
  const [name, what] = MEANINGS[code] ?? [`error ${code}`, 'broker_refused'];
  const text = `Kafka, ${about}: ${name}${said ? ` (${said})` : ''}.`;
  if (what === 'retry' || what === 'moved') return new Transient(text, what === 'moved', code === CODE.unknownTopic ? 'unknown_topic' : undefined);
  return new MillraceError(what, text);
}
