import { describe, expect, it } from '@jest/globals';
import { Writable } from 'node:stream';
import type { Logger } from 'pino';
import { createLogger } from '../../src/server/logger.js';

const SECRET = 'HUNTER2-SECRET';

function logged(write: (logger: Logger) => void, level = 'info'): { text: string; lines: Record<string, unknown>[] } {
  let text = '';
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  write(createLogger(level, sink));
  const lines = text.split('\n').filter(Boolean);
  return { text, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('The log', () => {
  it('is one JSON object a line, with its level by name and the time', () => {
    const { lines } = logged((logger) => logger.info({ operation: 'Me' }, 'operation'));
    expect(lines).toEqual([expect.objectContaining({ level: 'info', operation: 'Me', msg: 'operation' })]);
    expect(String(lines[0]?.['time'])).toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  it('leaves out what is below its level', () => {
    expect(logged((logger) => logger.info('x'), 'warn').lines).toEqual([]);
  });

  it.each([
    'authorization',
    'cookie',
    'set-cookie',
    'password',
    'code',
    'token',
    'refreshToken',
    'variables',
    'secret',
    'recoveryKey',
  ])('censors %s wherever it stands, and changes nothing of what it was given', (key) => {
    const given = { [key]: SECRET, a: { [key]: { deep: SECRET } }, b: [{ c: { d: { [key]: [SECRET] } } }], kept: 1 };
    const before = structuredClone(given);
    const { text, lines } = logged((logger) => {
      logger.info(given, 'x');
      logger.child({ [key]: SECRET }).info('y');
    });
    expect(text).not.toContain(SECRET);
    expect(lines).toEqual([
      expect.objectContaining({ [key]: '[redacted]', kept: 1 }),
      expect.objectContaining({ msg: 'y' }),
    ]);
    expect(given).toEqual(before);
  });

  it('stops at a depth that no line of ours has', () => {
    const { text } = logged((logger) =>
      logger.info({ a: { b: { c: { d: { e: { f: { g: { h: SECRET } } } } } } } }, 'x'),
    );
    expect(text).not.toContain(SECRET);
  });
});

describe('An error in the log', () => {
  const parseError = (() => {
    try {
      return JSON.parse(`${SECRET}`) as Error;
    } catch (error) {
      return error as Error;
    }
  })();
  const databaseError = Object.assign(new Error(`insert ('${SECRET}') - duplicate key`), {
    name: 'UniqueConstraintViolationException',
    code: '23505',
    detail: `Key (email)=(${SECRET}) already exists.`,
    table: 'accounts',
    constraint: 'accounts_email_key',
    query: `insert ('${SECRET}')`,
    parameters: [SECRET],
  });

  it.each([
    ['what JSON.parse quotes', parseError],
    ['what the database quotes', databaseError],
    ['what its cause quotes', new Error('outer', { cause: databaseError })],
    ['what stands in quotes over several lines', new Error(`Expected "a\n${SECRET}\\" ${SECRET}"`)],
    ['an object in its message', new Error(`Value is required, entity: { a: { b: ${SECRET} } }`)],
    ['something thrown that is no error', SECRET],
  ])('is without %s', (_what, error) => {
    const { text, lines } = logged((logger) => {
      logger.error({ err: error }, 'x');
      if (error instanceof Error) logger.error(error);
      logger.error({ err: error });
    });
    expect(text).not.toContain(SECRET);
    expect(lines.length).toBeGreaterThan(1);
  });

  it('keeps what helps: its type, where it was thrown, and the fixed fields of the database', () => {
    const { lines } = logged((logger) => logger.error({ err: databaseError }, 'x'));
    expect(lines[0]?.['err']).toEqual({
      type: 'UniqueConstraintViolationException',
      message: 'The database refused a statement.',
      stack: expect.stringMatching(/^at .+logger\.test/),
      errorCode: '23505',
      table: 'accounts',
      constraint: 'accounts_email_key',
    });
  });

  it('keeps a message of ours', () => {
    const { lines } = logged((logger) => logger.error({ err: new TypeError('x is not a function') }, 'x'));
    expect(lines[0]?.['err']).toMatchObject({ type: 'TypeError', message: 'x is not a function' });
  });
});
