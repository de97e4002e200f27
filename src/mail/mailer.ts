import type { MailOrder, MailPort } from '../domain/mail/mail-port.js';
import { mailLinkUrl } from './links.js';
import { renderMail } from './templates.js';
import type { MailTransport } from './transport.js';

interface MailerParts {
  readonly transport: MailTransport;
  readonly siteName: string;
  /** Asked late: a port may be chosen at listening. */
  readonly publicUrl: () => string;
}

/** Renders orders and hands them to the transport. The same key gives the same Message-ID. */
export function createMailer({ transport, siteName, publicUrl }: MailerParts): MailPort {
  const rendered = ({ template, input }: MailOrder) => renderMail(template, { ...input, siteName });
  return {
    async send(order, { to, key, withinMs }) {
      const mail = rendered(order);
      const messageId = `<${key}@${new URL(publicUrl()).hostname}>`;
      await transport.send({ ...mail, to, messageId, template: order.template }, { withinMs });
    },
    subjectOf: (order) => rendered(order).subject,
    linkWithToken: (page, token) => mailLinkUrl(publicUrl(), page, token),
  };
}
