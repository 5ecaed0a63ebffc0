/**
 * The parts of Compose and Kubernetes that deploy/ uses, as strict schemas: a misspelt or misplaced field is an error, as
 * it is for the engines, of which none runs here.
 */
import { z } from 'zod';

const texts = z.record(z.string(), z.string());
const name = z.string().regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);

const composeService = z.strictObject({
  image: z.string().optional(),
  build: z.strictObject({ context: z.string(), dockerfile: z.string() }).optional(),
  environment: texts.optional(),
  depends_on: z
    .record(z.string(), z.strictObject({ condition: z.enum(['service_healthy', 'service_started']) }))
    .optional(),
  restart: z.enum(['no', 'always', 'on-failure', 'unless-stopped']).optional(),
  ports: z.array(z.string().regex(/^127\.0\.0\.1:\d+:\d+$/)).optional(),
  volumes: z.array(z.string().regex(/^[a-z]+:\/[a-z/]+$/)).optional(),
  healthcheck: z
    .strictObject({
      test: z.array(z.string()).min(2),
      interval: z.string().regex(/^\d+s$/),
      retries: z.int(),
    })
    .optional(),
});

/** The file, with merge keys resolved; names that begin with `x-` are Compose's own way to share. */
export const COMPOSE = z
  .strictObject({
    name,
    'x-linefeed': z.unknown(),
    'x-environment': z.unknown(),
    services: z.record(name, composeService),
    volumes: z.record(name, z.strictObject({})),
  })
  .refine(({ services }) =>
    Object.values(services).every((service) =>
      Object.keys(service.depends_on ?? {}).every(
        (other) => services[other]?.healthcheck !== undefined && services[other] !== service,
      ),
    ),
  );

const labels = z.record(z.string(), z.string());
const metadata = z.strictObject({ name });
const probe = z.strictObject({
  httpGet: z.strictObject({ path: z.string().startsWith('/'), port: z.int() }),
  periodSeconds: z.int().positive(),
});
const variable = z.union([
  z.strictObject({ name: z.string(), value: z.string() }),
  z.strictObject({
    name: z.string(),
    valueFrom: z.union([
      z.strictObject({ secretKeyRef: z.strictObject({ name, key: z.string() }) }),
      z.strictObject({ fieldRef: z.strictObject({ fieldPath: z.string() }) }),
    ]),
  }),
]);
const container = z.strictObject({
  name,
  image: z.string().includes(':'),
  command: z.array(z.string()).optional(),
  env: z.array(variable).optional(),
  envFrom: z.array(z.strictObject({ configMapRef: z.strictObject({ name }) })).optional(),
  ports: z.array(z.strictObject({ containerPort: z.int() })).optional(),
  readinessProbe: probe.optional(),
  livenessProbe: probe.optional(),
  volumeMounts: z.array(z.strictObject({ name, mountPath: z.string().startsWith('/') })).optional(),
});
const volume = z.union([
  z.strictObject({ name, emptyDir: z.strictObject({}) }),
  z.strictObject({
    name,
    secret: z.strictObject({
      secretName: name,
      items: z.array(z.strictObject({ key: z.string(), path: z.string() })),
    }),
  }),
]);
const pod = z.strictObject({
  terminationGracePeriodSeconds: z.int().optional(),
  initContainers: z.array(container).optional(),
  containers: z.array(container).length(1),
  volumes: z.array(volume).optional(),
});
const workload = {
  replicas: z.int().positive(),
  selector: z.strictObject({ matchLabels: labels }),
  template: z.strictObject({ metadata: z.strictObject({ labels }), spec: pod }),
};

export const KUBERNETES = z.discriminatedUnion('kind', [
  z.strictObject({ apiVersion: z.literal('v1'), kind: z.literal('ConfigMap'), metadata, data: texts }),
  z.strictObject({
    apiVersion: z.literal('v1'),
    kind: z.literal('Service'),
    metadata,
    spec: z.strictObject({
      selector: labels,
      ports: z.array(z.strictObject({ name, port: z.int(), targetPort: z.int() })),
    }),
  }),
  z.strictObject({
    apiVersion: z.literal('apps/v1'),
    kind: z.literal('Deployment'),
    metadata,
    spec: z.strictObject(workload),
  }),
  z.strictObject({
    apiVersion: z.literal('apps/v1'),
    kind: z.literal('StatefulSet'),
    metadata,
    spec: z.strictObject({
      serviceName: name,
      ...workload,
      volumeClaimTemplates: z.array(
        z.strictObject({
          metadata,
          spec: z.strictObject({
            accessModes: z.array(z.enum(['ReadWriteOnce'])),
            resources: z.strictObject({ requests: z.strictObject({ storage: z.string().regex(/^\d+Gi$/) }) }),
          }),
        }),
      ),
    }),
  }),
]);
