/**
 * What runs in the browser on a mail link's page. The address of the API is relative to the page's, so that it also
 * holds below a path of a shared host.
 */
export const MAIL_LINK_SCRIPT = `
'use strict';
(() => {
  const page = JSON.parse(document.getElementById('page').textContent);
  const form = document.querySelector('form');
  const button = form.querySelector('button');
  const fields = Array.from(form.querySelectorAll('input'));
  const status = document.getElementById('status');
  let token = '';

  const tell = (text, kind) => {
    status.textContent = text;
    status.className = kind;
    if (kind !== '') status.focus();
  };

  const takeToken = () => {
    token = new URLSearchParams(location.hash.slice(1)).get('token') || token;
    if (location.hash !== '') history.replaceState(null, '', location.pathname);
    button.disabled = token === '';
    tell(token === '' ? page.noToken : '', token === '' ? 'refused' : '');
  };

  const variables = () => {
    const given = { token };
    for (const field of fields) {
      if (field.type === 'checkbox') given[field.name] = field.checked;
      else if (field.value !== '') given[field.name] = field.value;
    }
    return given;
  };

  const refusalOf = (error) => {
    const code = error && error.extensions && error.extensions.code;
    if (!code || code === 'INTERNAL_SERVER_ERROR') return page.failed;
    return Object.hasOwn(page.refusals, code) ? page.refusals[code] : error.message;
  };

  const send = async () => {
    const response = await fetch('graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ query: page.query, variables: variables() }),
      credentials: 'omit',
      cache: 'no-store',
      referrerPolicy: 'no-referrer',
    });
    const answer = await response.json();
    if (answer.errors && answer.errors.length > 0) return refusalOf(answer.errors[0]);
    return answer.data ? undefined : page.failed;
  };

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    tell('One moment…', '');
    const refusal = await send().catch(() => page.failed);
    button.disabled = false;
    if (refusal !== undefined) return tell(refusal, 'refused');
    token = '';
    for (const field of fields) {
      field.value = '';
      field.checked = false;
    }
    form.hidden = true;
    tell(page.done, 'done');
  });

  window.addEventListener('hashchange', () => {
    if (location.hash !== '' && !form.hidden) takeToken();
  });
  takeToken();
})();
`;
