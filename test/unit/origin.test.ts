import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { originOf, recognizedAgent } from '../../src/server/origin.js';
import type { RequestFacts } from '../../src/server/request-facts.js';

const CHROME = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

describe('A recognised browser and system', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
    [CHROME, 'Chrome on Linux'],
    [CHROME.replace('X11; Linux x86_64', 'Windows NT 10.0; Win64; x64'), 'Chrome on Windows'],
    [
      CHROME.replace('X11; Linux x86_64', 'Windows NT 10.0; Win64; x64').concat(' Edg/140.0'),
      'Microsoft Edge on Windows',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
      'Safari on iOS',
    ],
    ['Dalvik/2.1.0 (Linux; U; Android 15; Pixel 9)', 'Android'],
  ])('is told of %s as %s', (header, name) => {
    const told = recognizedAgent(header);
    if (name === 'Android') expect(told).toMatch(/Android/);
    else expect(told).toBe(name);
  });

  it.each([
    undefined,
    '',
    'node',
    'curl/8.5.0',
    'my-script/1.0 <script>alert(1)</script>',
    'Call 0900-12345 at once/1.0',
    'secret-token-AbCdEf/2 (+http://example.org)',
  ])('is none, so that nothing of the header is kept: %s', (header) => {
    expect(recognizedAgent(header)).toBeUndefined();
  });

  it('never holds anything that only the header says', () => {
    const names = new Set<string>();
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 600 }), fc.boolean(), (text, isPrefix) => {
        const told = recognizedAgent(isPrefix ? `${text} ${CHROME}` : `Mozilla/5.0 (${text}) ${text}/1.0`);
        if (told !== undefined) names.add(told);
      }),
      { numRuns: 300 },
    );
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9 -]{3,50}$/);
    expect(names.size).toBeLessThan(20);
  });

  it('is found in bounded time in a header of any length', () => {
    const begun = performance.now();
    for (const piece of ['a', ' ', '(', '/', 'Mozilla/5.0 ', 'Version/']) recognizedAgent(piece.repeat(100_000));
    expect(performance.now() - begun).toBeLessThan(500);
  });
});

describe('The origin of a request', () => {
  it('is its address, what limits count that as, and the browser', () => {
    const facts = { address: '2001:db8:1:2::5', userAgent: CHROME } as RequestFacts;
    const { address, network, userAgent } = originOf(facts);
    expect([address, network, userAgent]).toEqual(['2001:db8:1:2::5', '2001:db8:1:2::/64', 'Chrome on Linux']);
  });

  it('is unknown where the address is', () => {
    const { address, network, userAgent } = originOf({ address: undefined, userAgent: undefined } as RequestFacts);
    expect([address, network, userAgent]).toEqual([undefined, undefined, undefined]);
  });
});
