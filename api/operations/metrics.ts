/**
 * Prometheus metrics of this process. No label holds an execution, a user or a path that a client chose.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Api } from '../deps.ts';
import { engineCheck } from './engine-check.ts';

export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  /** @param route the pattern that answered, never the path itself. */
  request(method: string, route: string, status: number, seconds: number): void;
}

function registerGauges(api: Api, registry: Registry): void {
  const gauge = (
    name: string,
    help: string,
    collect: () => number | undefined | Promise<number | undefined>,
  ) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        const value = await Promise.resolve(collect()).catch(() => undefined);
        if (value === undefined) this.reset();
        else this.set(value);
      },
    });
  gauge(
    'linefeed_executions_running',
    'Executions running on this worker',
    () => api.executions.load().running,
  );
  gauge(
    'linefeed_executions_queued',
    'Executions waiting on this worker',
    () => api.executions.load().queued,
  );
  gauge('linefeed_executions_limit', 'Executions that may run at once', () => api.executions.load().limit);
  const up = async (ping: Promise<void>) => ((await engineCheck(ping)).ok ? 1 : 0);
  gauge('linefeed_event_log_up', 'Whether the event log accepts events', () => up(api.log.ping()));
  gauge('linefeed_output_index_up', 'Whether the output index answers', () => up(api.index.ping()));
  gauge('linefeed_followers', 'Followers of running executions', () => api.hub.followers());
  gauge('linefeed_followed_executions', 'Executions being followed', () => api.hub.tails());
  gauge('linefeed_open_streams', 'Responses that are being streamed', () => api.streams.count());
  gauge('linefeed_projector_behind_seconds', 'Age of the oldest event not projected', () => {
    const behind = api.projector?.state?.().behindMs;
    return behind === undefined ? undefined : behind / 1000;
  });
  gauge(
    'linefeed_projector_dead_letters',
    'Events that cannot be indexed, since the start',
    () => api.projector?.state?.().deadLetters,
  );
  gauge('linefeed_event_log_bytes', 'Bytes of the event log on disk', () => api.log.size());
  gauge(
    'linefeed_index_bytes',
    'Bytes of the output index on disk',
    async () => (await api.index.stats()).diskBytes,
  );
  gauge('linefeed_events_appended', 'Events appended by this process', () => api.activity?.totals().events);
  gauge(
    'linefeed_lines_appended',
    'Lines of output appended by this process',
    () => api.activity?.totals().lines,
  );
}

export function metrics(api: Api): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: 'linefeed_http_requests_total',
    help: 'HTTP requests; a stream counts when it begins',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const durations = new Histogram({
    name: 'linefeed_http_request_duration_seconds',
    help: 'Time until the response, or its first byte',
    labelNames: ['method', 'route'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  registerGauges(api, registry);
  let collecting = false;
  return {
    contentType: registry.contentType,
    text() {
      // Its observers have a cost, so they start with the first scrape.
      if (!collecting) collectDefaultMetrics({ register: registry });
      collecting = true;
      return registry.metrics();
    },
    request(method, route, status, seconds) {
      requests.inc({ method, route, status: String(status) });
      durations.observe({ method, route }, seconds);
    },
  };
}
