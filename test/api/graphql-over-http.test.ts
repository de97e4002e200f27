import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Audit, serverAudits } from 'graphql-http';
import { closeEdgeServers, type EdgeServer, startEdgeServer } from '../support/edge-server.js';

let edge: EdgeServer;

beforeAll(async () => {
  edge = await startEdgeServer();
});
afterAll(closeEdgeServers);

/**
 * The specification allows GET, it does not demand it, and ours has to be told from a forged one: these three audits send
 * a GET without any header that a browser would ask the server about first. With one they pass, see below.
 */
const BARE_GET = ['5A70', 'D6D5', '6A70'];

const url = () => `${edge.url}/graphql`;
const audits = serverAudits({ url });
const preflighted = serverAudits({ url, fetchFn: preflightedFetch });

describe('GraphQL over HTTP, as audited by the authors of the specification', () => {
  it.each(audits.filter(({ id }) => !BARE_GET.includes(id)).map(named))('%s %s', async (_id, _name, audit) => {
    expect(await verdict(audit)).toBe('ok');
  });

  it.each(audits.filter(({ id }) => BARE_GET.includes(id)).map(named))(
    '%s is refused as possibly forged: %s',
    async (_id, name, audit) => {
      expect(name).toMatch(/^MAY /);
      expect(await verdict(audit)).toMatch(/\(400\)$/);
    },
  );

  it.each(preflighted.filter(({ id }) => BARE_GET.includes(id)).map(named))(
    '%s %s, with a header that is preflighted',
    async (_id, _name, audit) => {
      expect(await verdict(audit)).toBe('ok');
    },
  );
});

function named(audit: Audit): [string, string, Audit] {
  return [audit.id, audit.name, audit];
}

async function verdict(audit: Audit): Promise<string> {
  const result = await audit.fn();
  return result.status === 'ok' ? 'ok' : `${result.status}: ${result.reason} (${result.response.status})`;
}

function preflightedFetch(url: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, {
    ...init,
    headers: { ...(init.headers as Record<string, string>), 'apollo-require-preflight': '1' },
  });
}
