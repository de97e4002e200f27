import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { writtenAddress } from '../../src/domain/access/network.js';
import { BadUserInputError } from '../../src/domain/errors.js';
import { parseServiceHeaders } from '../../src/domain/service-keys/service-headers.js';
import { limitSubjectOfUser, sessionIdOfUser } from '../../src/domain/service-keys/subject.js';
import { emailKeyOf } from '../../src/domain/accounts/email.js';

const parsed = (headers: Record<string, readonly string[]>) => parseServiceHeaders((name) => headers[name] ?? []);

function argumentAtFault(headers: Record<string, readonly string[]>): string {
  try {
    parsed(headers);
  } catch (error) {
    if (error instanceof BadUserInputError) return error.path;
    throw error;
  }
  throw new Error('It was taken.');
}

const printable = fc.stringMatching(/^[\x20-\x7e]{1,255}$/);

describe('the headers of a service key', () => {
  it('may all be absent', () => {
    expect(parsed({})).toEqual({ subject: undefined, session: undefined, clientAddress: undefined });
  });

  it('are what was sent, to the letter', () => {
    fc.assert(
      fc.property(printable, printable, (subject, session) => {
        const headers = { 'x-sparekey-subject': [subject], 'x-sparekey-subject-session': [session] };
        expect(parsed(headers)).toEqual({ subject, session, clientAddress: undefined });
      }),
    );
  });

  it('are refused with anything else in them, wherever it stands', () => {
    const other = fc.string({ unit: 'binary', minLength: 1, maxLength: 4 }).filter((text) => /[^\x20-\x7e]/.test(text));
    fc.assert(
      fc.property(printable, other, fc.nat(), (text, wrong, at) => {
        const place = at % (text.length + 1);
        const subject = (text.slice(0, place) + wrong + text.slice(place)).slice(0, 255);
        fc.pre(/[^\x20-\x7e]/.test(subject));
        expect(argumentAtFault({ 'x-sparekey-subject': [subject] })).toBe('X-Sparekey-Subject');
        expect(argumentAtFault({ 'x-sparekey-subject-session': [subject] })).toBe('X-Sparekey-Subject-Session');
      }),
    );
  });

  it.each([
    ['X-Sparekey-Subject', ['']],
    ['X-Sparekey-Subject', ['x'.repeat(256)]],
    ['X-Sparekey-Subject', ['ada', 'ada']],
    ['X-Sparekey-Subject', ['ada\n']],
    ['X-Sparekey-Subject-Session', ['', 'one']],
    ['X-Sparekey-Client-Address', ['192.0.2.1', '192.0.2.1']],
    ['X-Sparekey-Client-Address', ['']],
  ])('are refused: %s as %j', (name, values) => {
    expect(argumentAtFault({ [name.toLowerCase()]: values })).toBe(name);
  });
});

describe('an address as it is written', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
  ])('%s is read as %s', (text, address) => {
    expect(writtenAddress(text)).toBe(address);
  });

  it.each([
    '',
    ' 192.0.2.1',
    '192.0.2.1 ',
    '192.0.2',
    '192.0.2.01',
    '0xc0000201',
    '3221225985',
    'fe80::1%1',
    '[::1]',
    '::1/64',
    'x',
  ])('%j is none', (text) => {
    expect(writtenAddress(text)).toBeUndefined();
  });
});

describe('the session of a user', () => {
  it('is the same for ever, or copies would be lost', () => {
    expect(sessionIdOfUser('service:shop', 'ada', undefined)).toBe('891f409a-cbcf-84a7-abe6-7341e37c8ae1');
    expect(sessionIdOfUser('service:shop', 'ada', 'web')).toBe('7e5f0206-d942-896a-be8e-3da10a3daa2e');
  });

  it('is a UUID, and another where anything else is named', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(printable, fc.option(printable, { nil: undefined })), {
          minLength: 2,
          selector: (x) => JSON.stringify(x),
        }),
        (users) => {
          const ids = users.flatMap(([name, session]) =>
            ['service:a', 'service:b'].map((origin) => sessionIdOfUser(origin, name, session)),
          );
          expect(new Set(ids).size).toBe(ids.length);
          for (const id of ids)
            expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        },
      ),
    );
  });
});

describe("what a user's failures are counted under", () => {
  it('is nothing that an e-mail address as typed compares to', () => {
    fc.assert(
      fc.property(printable, fc.string({ unit: 'binary' }), (name, typed) => {
        const subject = limitSubjectOfUser('service:shop', name);
        for (const email of [typed, subject, subject.toLowerCase()]) expect(emailKeyOf(email)).not.toBe(subject);
      }),
    );
  });

  it('is told apart by name and realm', () => {
    const names = [
      limitSubjectOfUser('service:a', 'b of service:c'),
      limitSubjectOfUser('service:c', 'b of service:a'),
      limitSubjectOfUser('service:a', 'b'),
    ];
    expect(new Set(names).size).toBe(3);
  });
});
