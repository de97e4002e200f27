import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { mailLinkPage, mailLinkPagePolicy } from '../../src/server/pages/mail-link-page.js';

const nonce = 'c29tZSByYW5kb20gYnl0ZXM=';
const page = (siteName = 'Acme Keys') => mailLinkPage({ kind: 'verify-email', siteName, nonce });

type Listener = (event: { preventDefault(): void }) => unknown;
type Answer = { data?: unknown; errors?: { message: string; extensions?: { code: string } }[] };

/** Runs the page's script over the few objects of a browser that it uses. */
function openPage(hash: string, answer: () => Promise<Answer>) {
  const listeners: Record<string, Listener> = {};
  const input = { name: 'password', value: '' };
  const button = { disabled: true };
  const status = { textContent: '', className: '', focus: () => undefined };
  const form = {
    hidden: false,
    querySelector: () => button,
    querySelectorAll: () => [input],
    addEventListener: (name: string, listener: Listener) => (listeners[name] = listener),
  };
  const location = { hash, pathname: '/verify-email' };
  const html = page();
  const data = { textContent: /id="page">(.*?)<\/script>/s.exec(html)?.[1] };
  const requests: { url: string; init: { method: string; headers: Record<string, string>; body: string } }[] = [];
  const addresses: string[] = [];
  runInNewContext(/<script nonce="[^"]*">(.*?)<\/script>/s.exec(html)?.[1] ?? '', {
    document: {
      getElementById: (id: string) => (id === 'page' ? data : status),
      querySelector: () => form,
    },
    window: { addEventListener: (name: string, listener: Listener) => (listeners[name] = listener) },
    history: {
      replaceState(_state: unknown, _title: string, url: string) {
        addresses.push(url);
        location.hash = '';
      },
    },
    location,
    URLSearchParams,
    fetch: async (url: string, init: (typeof requests)[number]['init']) => {
      requests.push({ url, init });
      const body = await answer();
      return { json: async () => body };
    },
  });
  const fire = async (name: string) => listeners[name]?.({ preventDefault: () => undefined });
  return { input, button, status, form, location, requests, addresses, submit: () => fire('submit'), fire };
}

const acknowledged = async () => ({ data: { verifyEmail: { acknowledged: true } } });
const refused = (code: string) => async () => ({ data: null, errors: [{ message: 'Said so.', extensions: { code } }] });

describe('mailLinkPage', () => {
  it('escapes the name of the site', () => {
    const html = page('</title><script>alert(1)</script>');
    expect(html).not.toContain('<script>alert');
    expect(html.match(/<script/g)).toHaveLength(2);
  });

  it('refuses a nonce that could end its attribute', () => {
    expect(() => mailLinkPage({ kind: 'verify-email', siteName: 'x', nonce: 'abc"><script>' })).toThrow(TypeError);
  });

  it('asks nothing of anybody else and keeps its own policy', () => {
    const html = page();
    expect(html).not.toMatch(/https?:\/\//);
    expect(html).not.toMatch(/\son\w+=|\sstyle=/i);
    for (const [tag] of html.matchAll(/<(?:style|script)\b[^>]*>/g)) {
      expect(tag).toMatch(/nonce=|application\/json/);
    }
    expect(mailLinkPagePolicy(nonce)).toContain(`script-src 'nonce-${nonce}'`);
    expect(mailLinkPagePolicy(nonce)).toContain("form-action 'none'");
  });

  it('labels its field, announces its answer and cannot be sent without its script', () => {
    const html = page();
    expect(html).toMatch(/<label for="password">[^<]+<\/label>\s*<input id="password"/);
    expect(html).toContain('aria-live="polite"');
    expect(html).toMatch(/<button type="submit" disabled>/);
    expect(html).toContain('<noscript>');
  });
});

describe('the script of the page', () => {
  it('takes the token out of the address bar and spends it only on the button', async () => {
    const opened = openPage('#token=tok-1', acknowledged);
    expect(opened.addresses).toEqual(['/verify-email']);
    expect(opened.button.disabled).toBe(false);
    expect(opened.requests).toHaveLength(0);
    await opened.submit();
    expect(opened.requests).toHaveLength(1);
  });

  it('sends the token and the password as variables to the API beside it', async () => {
    const opened = openPage('#token=tok-1', acknowledged);
    opened.input.value = 'correct horse battery';
    await opened.submit();
    const [{ url, init } = { url: '', init: { method: '', headers: {}, body: '{}' } }] = opened.requests;
    expect(new URL(url, 'https://keys.example/verify-email').pathname).toBe('/graphql');
    expect(init).toMatchObject({ method: 'POST', headers: { 'content-type': 'application/json' } });
    const { query, variables } = JSON.parse(init.body);
    expect(query).toBe(
      'mutation($token:String!,$password:String){verifyEmail(token:$token,password:$password){acknowledged}}',
    );
    expect(variables).toEqual({ token: 'tok-1', password: 'correct horse battery' });
  });

  it('leaves an empty password out, then hides the form and says that it is done', async () => {
    const opened = openPage('#token=tok-1', acknowledged);
    await opened.submit();
    expect(JSON.parse(opened.requests[0]?.init.body ?? '').variables).toEqual({ token: 'tok-1' });
    expect(opened.form.hidden).toBe(true);
    expect(opened.status).toMatchObject({ className: 'done', textContent: expect.stringContaining('confirmed') });
  });

  it('forgets the password once it was accepted', async () => {
    const opened = openPage('#token=tok-1', acknowledged);
    opened.input.value = 'correct horse battery';
    await opened.submit();
    expect(opened.input.value).toBe('');
  });

  it.each([
    ['INVALID_TOKEN', 'used before, or it is too old'],
    ['INVALID_CREDENTIALS', 'not the password registered with this link. Try again, or leave it empty.'],
    ['BAD_USER_INPUT', 'Said so.'],
    ['INTERNAL_SERVER_ERROR', 'Something went wrong'],
  ])('explains %s and lets the reader try again', async (code, text) => {
    const opened = openPage('#token=tok-1', refused(code));
    await opened.submit();
    expect(opened.status).toMatchObject({ className: 'refused', textContent: expect.stringContaining(text) });
    expect(opened.button.disabled).toBe(false);
    expect(opened.form.hidden).toBe(false);
  });

  it('does not blame the password for a link that is no longer valid', async () => {
    const opened = openPage('#token=tok-1', refused('INVALID_TOKEN'));
    opened.input.value = 'correct horse battery';
    await opened.submit();
    expect(opened.status.textContent).not.toMatch(/password/i);
  });

  it('takes another password, or none, after a wrong one', async () => {
    const answers = [refused('INVALID_CREDENTIALS'), acknowledged];
    const opened = openPage('#token=tok-1', async () => await (answers.shift() ?? acknowledged)());
    opened.input.value = 'wrong horse battery';
    await opened.submit();
    opened.input.value = '';
    await opened.submit();
    expect(opened.requests.map(({ init }) => JSON.parse(init.body).variables)).toEqual([
      { token: 'tok-1', password: 'wrong horse battery' },
      { token: 'tok-1' },
    ]);
    expect(opened.status.className).toBe('done');
  });

  it('says so when the server cannot be reached', async () => {
    const opened = openPage('#token=tok-1', () => Promise.reject(new Error('offline')));
    await opened.submit();
    expect(opened.status.textContent).toContain('Something went wrong');
    expect(opened.button.disabled).toBe(false);
  });

  it('sends once however often the button is pressed meanwhile', async () => {
    const opened = openPage('#token=tok-1', acknowledged);
    await Promise.all([opened.submit(), opened.submit()]);
    expect(opened.requests).toHaveLength(1);
  });

  it('does nothing without a token until a link with one is opened', async () => {
    const opened = openPage('', acknowledged);
    expect(opened.button.disabled).toBe(true);
    expect(opened.status).toMatchObject({ className: 'refused', textContent: expect.stringContaining('no token') });
    await opened.submit();
    expect(opened.requests).toHaveLength(0);
    opened.location.hash = '#token=tok-2';
    await opened.fire('hashchange');
    expect(opened.button.disabled).toBe(false);
    expect(opened.status.textContent).toBe('');
  });
});
