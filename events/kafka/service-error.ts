import { ServiceError } from '../../lib/errors.ts';

/** The error that a caller of the event log gets for an error of kafkajs. */
export function toServiceError(cause: unknown, brokers: readonly string[]): ServiceError {
  if (cause instanceof ServiceError) return cause;
  const error = cause as Error & { type?: string };
  if (error.type === 'MESSAGE_TOO_LARGE' || error.type === 'RECORD_LIST_TOO_LARGE') {
    return new ServiceError(
      'append-rejected',
      "Kafka refused an event as too large; raise the topic's max.message.bytes",
      { cause },
    );
  }
  if (error.type?.includes('AUTHORIZATION') || error.name === 'KafkaJSSASLAuthenticationError') {
    return new ServiceError(
      'event-log-unavailable',
      `Kafka at ${brokers.join(', ')} refused access (${error.message}); check kafka.sasl and the ACLs of its topics`,
      { cause, retriable: true },
    );
  }
  return new ServiceError(
    'event-log-unavailable',
    `Kafka at ${brokers.join(', ')} cannot be reached (${error.message}); what is printed meanwhile is kept and sent later`,
    { cause, retriable: true },
  );
}
