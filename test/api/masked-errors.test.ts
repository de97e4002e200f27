import { afterAll, describe, expect, it } from '@jest/globals';
import { ConflictError, UnavailableError } from '../../src/domain/errors.js';
import { closeEdgeServers, startEdgeServer } from '../support/edge-server.js';

afterAll(closeEdgeServers);

const SECRET = 'HUNTER2';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function refused(): Error {
  return Object.assign(new Error(`connect ECONNREFUSED ${SECRET}`), { code: 'ECONNREFUSED' });
}

describe('What goes wrong in a field', () => {
  it('is masked, and logged once under the id that the client gets', async () => {
    const edge = await startEdgeServer({
      resolvers: {
        'Query.fail': () => {
          throw new TypeError(`x is not a function of '${SECRET}'`);
        },
      },
    });
    const { status, body, text } = await edge.post('query Failing { fail(how: "x") }');
    const errorId = body.errors?.[0]?.extensions?.['errorId'];
    expect(status).toBe(200);
    expect(text).not.toContain(SECRET);
    expect(body).toEqual({
      data: { fail: null },
      errors: [
        expect.objectContaining({
          message: 'Internal server error',
          extensions: { code: 'INTERNAL_SERVER_ERROR', errorId },
        }),
      ],
    });
    expect(errorId).toMatch(UUID);
    expect(JSON.stringify(edge.lines)).not.toContain(SECRET);
    expect(edge.lines.filter((line) => line['errorId'] === errorId)).toEqual([
      expect.objectContaining({ level: 'error', path: 'fail', err: expect.objectContaining({ type: 'TypeError' }) }),
    ]);
    expect(edge.lines.filter((line) => line['msg'] === 'operation')).toEqual([
      expect.objectContaining({
        operation: 'Failing',
        kind: 'query',
        outcome: 'INTERNAL_SERVER_ERROR',
        errorIds: [errorId],
      }),
    ]);
  });

  it('keeps the code of a refusal and writes no error to the log', async () => {
    const edge = await startEdgeServer({
      resolvers: { 'Query.fail': () => Promise.reject(new ConflictError('Taken.')) },
    });
    const { body } = await edge.post('{ fail(how: "x") }');
    expect(body.errors).toEqual([
      expect.objectContaining({ message: 'Taken.', path: ['fail'], extensions: { code: 'CONFLICT' } }),
    ]);
    expect(edge.lines.map((line) => line['level'])).toEqual(['info']);
  });

  it('is UNAVAILABLE when the database is away', async () => {
    const edge = await startEdgeServer({ resolvers: { 'Query.fail': () => Promise.reject(refused()) } });
    const { body, text } = await edge.post('{ hello fail(how: "x") }');
    expect(body.data).toEqual({ hello: 'world', fail: null });
    expect(body.errors?.[0]?.extensions).toEqual({ code: 'UNAVAILABLE' });
    expect(text).not.toContain(SECRET);
    expect(edge.lines[0]).toMatchObject({ level: 'warn', err: { errorCode: 'ECONNREFUSED' } });
  });
});

describe('What goes wrong before any field', () => {
  it.each([
    ['the database away', refused, 503, 'UNAVAILABLE'],
    ['the service busy', () => new UnavailableError(), 503, 'UNAVAILABLE'],
    ['a fault of ours', () => new Error(SECRET), 500, 'INTERNAL_SERVER_ERROR'],
  ])('is coded and counted: %s', async (_what, fault, expectedStatus, code) => {
    const edge = await startEdgeServer({ newContext: () => Promise.reject(fault()) });
    const { status, body, text } = await edge.post('{ hello }');
    expect([status, body.errors?.[0]?.extensions?.['code'], body.data]).toEqual([expectedStatus, code, undefined]);
    expect(text).not.toContain(SECRET);
    expect(await edge.metrics.text()).toContain(`sparekey_requests_total{operation="none",outcome="${code}"} 1`);
    expect(edge.lines).toContainEqual(expect.objectContaining({ msg: 'operation', outcome: code }));
  });
});

describe('The request log', () => {
  it('has one line an operation, without document, variables, headers or address', async () => {
    const edge = await startEdgeServer();
    await edge.post(
      'query Taking($x: String) { take(text: $x) other: take(text: "HUNTER2") }',
      { x: SECRET },
      { authorization: `Bearer ${SECRET}` },
    );
    await edge.post('mutation { bump }');
    await edge.post('{ wrong }');
    expect(edge.lines.map(({ level: _level, time: _time, pid: _pid, hostname: _hostname, ...line }) => line)).toEqual([
      { operation: 'Taking', kind: 'query', outcome: 'OK', ms: expect.any(Number), msg: 'operation' },
      { kind: 'mutation', outcome: 'OK', ms: expect.any(Number), msg: 'operation' },
      { kind: 'none', outcome: 'BAD_USER_INPUT', ms: expect.any(Number), msg: 'operation' },
    ]);
    expect(JSON.stringify(edge.lines)).not.toContain(SECRET);
  });
});
