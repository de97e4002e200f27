import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { buildSchema, parse, validate } from 'graphql';
import { readFileSync } from 'node:fs';
import { mailLinkPage } from '../../src/server/pages/mail-link-page.js';
import { type MailLinkPageKind, mailLinkPages } from '../../src/server/pages/mail-link-pages.js';

const nonce = 'c29tZSByYW5kb20gYnl0ZXM=';
const kinds = Object.keys(mailLinkPages) as MailLinkPageKind[];
const schema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'));

interface Input {
  readonly name: string;
  readonly type: string;
  value: string;
  checked: boolean;
}

/** Runs a page's script over the few objects of a browser that it uses; its inputs are those of the page. */
function openPage(kind: MailLinkPageKind, answer: object) {
  const html = mailLinkPage({ kind, siteName: 'Acme Keys', nonce });
  const inputs: Input[] = [...html.matchAll(/<input [^>]*>/g)].map(([tag]) => ({
    name: /name="([^"]+)"/.exec(tag)?.[1] as string,
    type: /type="([^"]+)"/.exec(tag)?.[1] as string,
    value: '',
    checked: false,
  }));
  const listeners: Record<string, (event: object) => Promise<void>> = {};
  const addEventListener = (name: string, listener: (event: object) => Promise<void>) => (listeners[name] = listener);
  const status = { textContent: '', className: '', focus: () => undefined };
  const data = { textContent: /id="page">(.*?)<\/script>/s.exec(html)?.[1] };
  const form = {
    hidden: false,
    querySelector: () => ({ disabled: true }),
    querySelectorAll: () => inputs,
    addEventListener,
  };
  const sent: { query: string; variables: Record<string, unknown> }[] = [];
  runInNewContext(/<script nonce="[^"]*">(.*?)<\/script>/s.exec(html)?.[1] ?? '', {
    document: { getElementById: (id: string) => (id === 'page' ? data : status), querySelector: () => form },
    window: { addEventListener: () => undefined },
    history: { replaceState: () => undefined },
    location: { hash: '#token=tok-1', pathname: `/${kind}` },
    URLSearchParams,
    fetch: async (_url: string, { body }: { body: string }) => {
      sent.push(JSON.parse(body));
      return { json: async () => answer };
    },
  });
  const input = (name: string) => inputs.find((each) => each.name === name) as Input;
  return { html, input, form, status, sent, submit: () => listeners['submit']?.({ preventDefault: () => undefined }) };
}

const refused = (code: string) => ({ data: null, errors: [{ message: 'Said so.', extensions: { code } }] });

describe.each(kinds)('the page %s', (kind) => {
  it('asks what the API takes, and labels and explains each field', () => {
    const { query, fields } = mailLinkPages[kind];
    expect(validate(schema, parse(query))).toEqual([]);
    const { html } = openPage(kind, {});
    expect(html.match(/<input /g) ?? []).toHaveLength(fields.length);
    for (const { variable, label } of fields) {
      expect(html).toMatch(new RegExp(`<label[^>]* for="${variable}">[^]*${label}</label>`));
      expect(html).toContain(`aria-describedby="${variable}-hint"`);
      expect(html).toContain(`id="${variable}-hint"`);
    }
    expect(html).not.toMatch(/\son\w+=|\sstyle=|https?:\/\//i);
  });

  it('has words of its own for a link that is no longer good', async () => {
    const opened = openPage(kind, refused('INVALID_TOKEN'));
    await opened.submit();
    expect(opened.status).toMatchObject({
      className: 'refused',
      textContent: expect.stringContaining('This link was'),
    });
    expect(opened.form.hidden).toBe(false);
  });
});

describe('the page that sets a new password', () => {
  const done = { data: { resetPassword: { acknowledged: true } } };

  it('sends it with the token, and the wish to delete the codes; then forgets both', async () => {
    const opened = openPage('reset-password', done);
    opened.input('newPassword').value = 'a new one, and a long one';
    opened.input('revokeRecoveryCodes').checked = true;
    await opened.submit();
    expect(opened.sent.map(({ variables }) => variables)).toEqual([
      { token: 'tok-1', newPassword: 'a new one, and a long one', revokeRecoveryCodes: true },
    ]);
    expect(opened.input('newPassword').value).toBe('');
    expect(opened.input('revokeRecoveryCodes').checked).toBe(false);
    expect(opened.form.hidden).toBe(true);
    expect(opened.status.className).toBe('done');
  });

  it('leaves the codes alone unless that is wished', async () => {
    const opened = openPage('reset-password', done);
    opened.input('newPassword').value = 'a new one, and a long one';
    await opened.submit();
    expect(opened.sent[0]?.variables['revokeRecoveryCodes']).toBe(false);
  });

  it('says in the server’s words why a password is refused, and takes another', async () => {
    const opened = openPage('reset-password', refused('BAD_USER_INPUT'));
    opened.input('newPassword').value = 'short';
    await opened.submit();
    expect(opened.status.textContent).toBe('Said so.');
    await opened.submit();
    expect(opened.sent).toHaveLength(2);
  });

  it('lets the browser offer one, and no empty one', () => {
    expect(openPage('reset-password', {}).html).toMatch(
      /<input id="newPassword"[^>]* autocomplete="new-password"[^>]* required>/,
    );
  });
});

describe('the page that confirms a new address', () => {
  it('sends the token alone, and says that the other side has to confirm too', async () => {
    const opened = openPage('confirm-email-change', { data: { confirmEmailChange: { id: 'a' } } });
    await opened.submit();
    expect(opened.sent[0]?.variables).toEqual({ token: 'tok-1' });
    expect(opened.status.textContent).toContain('the other address');
  });

  it('says so where the address is another’s by now', async () => {
    const opened = openPage('confirm-email-change', refused('CONFLICT'));
    await opened.submit();
    expect(opened.status.textContent).toContain('belongs to another account');
  });
});
