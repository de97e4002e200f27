import { isDeepStrictEqual } from 'node:util';
import { HISTORY, VERIFY } from '../documents.ts';
import { type RunningServer, startBareServer } from '../floors/bare-process.ts';
import { bareSpendOf, insteadFor, statementOn } from '../floors/bare-spend.ts';
import { tokenOf } from '../measuring/operation.ts';
import { inTurns } from '../measuring/rounds.ts';
import { answersPerSecond, forSeconds, Wire, type WireRequest, wireRequest } from '../measuring/wire.ts';
import { type Person, POOL_SIZE, PUBLIC_URL, type RealCode, type Stage } from '../stage.ts';
import type { Figure } from '../table.ts';
import { IN_FLIGHT } from './spend.ts';
import type { Samples } from './statements.ts';

const CONNECTIONS = 16;
const WARM_UP_SECONDS = 3;
const ROUND_SECONDS = 3;

export interface Servers {
  readonly ours: RunningServer;
  readonly bare: RunningServer;
}

/** Starts the floors for a server that runs already. */
export async function startFloors(stage: Stage, samples: Samples): Promise<RunningServer> {
  const { history, verify } = samples;
  const jwks = await stage.app.services.signingKeys.jwks();
  return await startBareServer({
    databaseUrl: stage.app.stores.databaseUrl,
    poolSize: POOL_SIZE,
    issuer: PUBLIC_URL,
    jwks: { keys: [...jwks.keys] },
    sessionCheck: samples.sessionCheck,
    account: statementOn('from accounts a', history.statements),
    page: statementOn('from recovery_code_batches b', history.statements),
    spend: statementOn('update recovery_codes', verify.statements),
  });
}

/** A page of the history, against a bare Apollo resolver and a bare Fastify route with the same SQL and token check. */
export async function measureHistory(stage: Stage, samples: Samples, servers: Servers): Promise<Figure[]> {
  const { person } = samples.history;
  const headers = await headersOf(stage, person);
  const body = { query: HISTORY };
  const asked = {
    ours: [servers.ours.url, wireRequest({ path: '/graphql', body, headers })],
    resolver: [servers.bare.url, wireRequest({ path: '/graphql', body, headers })],
    route: [servers.bare.url, wireRequest({ path: '/history', body, headers })],
  } as const;
  await requireSameAnswers(Object.values(asked));
  const load = (name: keyof typeof asked) => () => {
    const [url, request] = asked[name];
    return answersPerSecond(url, CONNECTIONS, forSeconds(ROUND_SECONDS, request));
  };
  // Compilers need longer to warm up than a round takes.
  for (const [url, request] of Object.values(asked))
    await answersPerSecond(url, CONNECTIONS, forSeconds(WARM_UP_SECONDS, request));
  const { ours, resolver, route } = await inTurns(stage.scale.pageRounds, {
    ours: load('ours'),
    resolver: load('resolver'),
    route: load('route'),
  });
  return [
    {
      name: 'history page over HTTP, beside bare Apollo',
      ours,
      floor: resolver,
      unit: '/s',
      must: { of: 'ratio', atLeast: 0.8 },
    },
    {
      name: 'history page over HTTP, beside a bare route',
      ours,
      floor: route,
      unit: '/s',
      must: { of: 'ratio', atLeast: 0.25, aim: '0.5' },
    },
  ];
}

/** Spending over HTTP, against a bare Fastify route that checks the token, hashes once and sends the one statement. */
export async function measureSpendOverHttp(stage: Stage, samples: Samples, servers: Servers): Promise<Figure[]> {
  const tokens = new Map<Person, Record<string, string>>();
  for (const { owner } of stage.stock) tokens.set(owner, tokens.get(owner) ?? (await headersOf(stage, owner)));
  const bare = await bareSpendOf(stage, samples.verify);
  const hashing = { ...bare.hashing, salt: bare.hashing.salt.toString('hex') };
  const ofOurs = (code: RealCode): WireRequest => ({
    path: '/graphql',
    body: { query: VERIFY, variables: { code: code.plaintext } },
    headers: tokens.get(code.owner) ?? {},
  });
  const ofFloor = (code: RealCode): WireRequest => ({
    path: '/spend',
    body: { code: code.plaintext, hashing, instead: Object.fromEntries(insteadFor(code, bare)) },
    headers: tokens.get(code.owner) ?? {},
  });
  const load = (url: string, connections: number, request: typeof ofOurs) => async () => {
    await stage.restock();
    return await answersPerSecond(url, connections, stage.stock.map(request).map(wireRequest));
  };
  const compared = (connections: number) =>
    inTurns(stage.scale.rounds, {
      ours: load(servers.ours.url, connections, ofOurs),
      floor: load(servers.bare.url, connections, ofFloor),
    });
  return [
    { name: 'spend over HTTP, one after the other', ...(await compared(1)), unit: '/s' },
    { name: `spend over HTTP, ${IN_FLIGHT} in flight`, ...(await compared(IN_FLIGHT)), unit: '/s' },
  ];
}

async function headersOf(stage: Stage, person: Person): Promise<Record<string, string>> {
  return {
    authorization: `Bearer ${await tokenOf(stage.app, person)}`,
    'x-forwarded-for': person.origin.address ?? '',
  };
}

/** A floor that answers something else would be none. */
async function requireSameAnswers(asked: readonly (readonly [string, Buffer])[]): Promise<void> {
  const answers: unknown[] = [];
  for (const [url, request] of asked) {
    const wire = new Wire(url);
    answers.push(JSON.parse((await wire.send(request)).body));
    wire.close();
  }
  if (!answers.every((answer) => isDeepStrictEqual(answer, answers[0]))) {
    throw new Error(`The servers answer differently: ${JSON.stringify(answers, undefined, 1)}`);
  }
}
