import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { mailLinkPage, mailLinkPagePolicy } from './pages/mail-link-page.js';
import { type MailLinkPageKind, mailLinkPages } from './pages/mail-link-pages.js';

const START_PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="robots" content="noindex"><title>Sparekey</title></head>
<body>
<h1>Sparekey is running</h1>
<ul>
<li>GraphQL: <code>POST /graphql</code></li>
<li><a href="/healthz">/healthz</a>, <a href="/readyz">/readyz</a></li>
<li><a href="/.well-known/jwks.json">/.well-known/jwks.json</a></li>
</ul>
</body>
</html>
`;

/** What a browser may open: a page that says what this is, and the pages of mailed links. */
export function addPageRoutes(app: FastifyInstance, siteName: string): void {
  app.get('/', (_request, reply) => {
    reply.header('cache-control', 'no-store').type('text/html; charset=utf-8').send(START_PAGE);
  });
  for (const kind of Object.keys(mailLinkPages) as MailLinkPageKind[]) {
    app.get(`/${kind}`, (_request, reply) => {
      const nonce = randomBytes(16).toString('base64');
      reply
        .header('cache-control', 'no-store')
        .header('content-security-policy', mailLinkPagePolicy(nonce))
        .type('text/html; charset=utf-8')
        .send(mailLinkPage({ kind, siteName, nonce }));
    });
  }
}
