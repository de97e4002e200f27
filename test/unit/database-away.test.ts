import { describe, expect, it } from '@jest/globals';
import { isDatabaseAway } from '../../src/domain/database-away.js';

function coded(code: string, fields: object = {}): Error {
  return Object.assign(new Error('something'), { code, ...fields });
}

describe('A database is away', () => {
  it.each([
    '57P01',
    '57P02',
    '57P03',
    '53300',
    '25006',
    '08000',
    '08006',
    '08P01',
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'ETIMEDOUT',
  ])('when the code is %s', (code) => {
    expect(isDatabaseAway(coded(code))).toBe(true);
  });

  it.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'Client has encountered a connection error and is not queryable',
    'Cannot use a pool after calling end on the pool',
    'select 1 - Connection terminated',
  ])('when the driver says: %s', (message) => {
    expect(isDatabaseAway(new Error(message))).toBe(true);
  });

  it('when it is closed to connections, but not when a statement meets the wrong state', () => {
    expect(isDatabaseAway(coded('55000', { severity: 'FATAL' }))).toBe(true);
    expect(isDatabaseAway(coded('55000', { severity: 'ERROR' }))).toBe(false);
  });

  it('when its Unix socket is gone', () => {
    expect(isDatabaseAway(coded('ENOENT', { syscall: 'connect' }))).toBe(true);
  });

  it('when a cause or one of several attempts says so', () => {
    expect(isDatabaseAway(new Error('wrapped', { cause: new Error('again', { cause: coded('57P01') }) }))).toBe(true);
    expect(isDatabaseAway(new AggregateError([coded('EOTHER'), coded('ECONNREFUSED')]))).toBe(true);
  });
});

describe('A database is not away', () => {
  it.each(['23505', '40P01', '42601', '22P02', '57014', '28P01', 'EACCES', 'ENOENT', '0800', 'X08000'])(
    'when the code is %s',
    (code) => {
      expect(isDatabaseAway(coded(code))).toBe(false);
    },
  );

  it.each([undefined, null, 'Connection terminated', { code: '57P01' }, new TypeError('x is undefined')])(
    'when what was thrown is %p',
    (thrown) => {
      expect(isDatabaseAway(thrown)).toBe(false);
    },
  );

  it('when causes go round in a circle', () => {
    const error = new Error('round');
    error.cause = error;
    expect(isDatabaseAway(error)).toBe(false);
  });
});
