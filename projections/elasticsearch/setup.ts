/** Sends what templates.ts describes: policies, templates and aliases, for one generation of indices or another. */
import { type Requests, statusOf } from './client.ts';
import { type IndexNames, stateIndex } from './index-names.ts';
import {
  policyRequests,
  type SetupOptions,
  type SetupRequest,
  stateIndexBody,
  templateRequests,
} from './templates.ts';

async function sendAll(client: Requests, requests: readonly SetupRequest[]): Promise<void> {
  for (const { method, path, body } of requests) await client.send(method, path, body);
}

export async function createStateIndex(client: Requests, { prefix, replicas }: SetupOptions): Promise<void> {
  await client.send('PUT', `/${stateIndex(prefix)}`, stateIndexBody(replicas), { accept: [400] });
}

/** True when the cluster has lifecycle policies; one without does not know the request. */
export async function putPolicies(client: Requests, setup: SetupOptions): Promise<boolean> {
  try {
    await sendAll(client, policyRequests(setup));
    return true;
  } catch (error) {
    const status = statusOf(error);
    if (status === 400 || status === 404 || status === 405 || status === 410) return false;
    throw error;
  }
}

/** With `active`, readers see every index that is created from now on. */
export async function putTemplates(
  client: Requests,
  setup: SetupOptions,
  names: IndexNames,
  options: { ilm: boolean; active: boolean },
): Promise<void> {
  await sendAll(client, templateRequests(setup, names, options));
}

export async function deleteTemplates(client: Requests, names: IndexNames): Promise<void> {
  for (const base of [names.outputBase, names.executionsBase]) {
    await client.send('DELETE', `/_index_template/${base}template`, undefined, { accept: [404] });
  }
}

async function indicesOf(client: Requests, pattern: string): Promise<string[]> {
  const found = await client.send('GET', `/${pattern}`, undefined, {
    accept: [404],
    query: { features: 'aliases', expand_wildcards: 'all' },
  });
  return Object.keys(found ?? {});
}

export async function deleteIndices(client: Requests, names: IndexNames): Promise<void> {
  for (const index of await indicesOf(client, `${names.outputBase}*,${names.executionsBase}*`)) {
    await client.send('DELETE', `/${index}`, undefined, { accept: [404] });
  }
}

/** What moves readers to the next generation and deletes the old one, in one step of the cluster. */
export async function aliasActions(client: Requests, old: IndexNames, next: IndexNames): Promise<object[]> {
  const add = async (base: string, alias: string) =>
    (await indicesOf(client, `${base}*`)).map((index) => ({ add: { index, alias } }));
  const remove = async (base: string) =>
    (await indicesOf(client, `${base}*`)).map((index) => ({ remove_index: { index } }));
  return [
    ...(await add(next.outputBase, next.outputAlias)),
    ...(await add(next.executionsBase, next.executionsAlias)),
    ...(await remove(old.outputBase)),
    ...(await remove(old.executionsBase)),
  ];
}
