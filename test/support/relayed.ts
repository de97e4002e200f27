import type { Database } from '../../src/domain/database.js';
import { takeDueMessages, noteDelivered } from '../../src/domain/events/outbox.js';
import type { MailPort } from '../../src/domain/mail/mail-port.js';
import { Mails } from '../../src/domain/mail/mails.js';
import { deliverMessage } from '../../src/jobs/deliver-message.js';
import type { Rules } from './rules.js';

const nowhere: MailPort = {
  send: async () => undefined,
  subjectOf: ({ template }) => template,
  linkWithToken: (page, token) => `${page}#token=${token}`,
};

/** Mails that are not logged, through any port. */
export function unloggedMails(db: Database, mail: MailPort): Mails {
  const settings = { mail: { from: 'keys@acme.example', storeEmailLog: false } };
  return new Mails(db, { mail, settings, onLogFault: () => undefined });
}

const noMails = { queueReportMail: async () => undefined, queueCodeMail: async () => undefined };

/** Does what the relay of a process does, until nothing is left to do; the mails themselves go nowhere. */
export async function relayed({ db, keyring, services }: Rules): Promise<void> {
  const parts = {
    db,
    keyring,
    mail: nowhere,
    mails: unloggedMails(db, nowhere),
    lowThreshold: 3,
    adminEmail: 'admin@localhost',
    pendingRegistrations: services.pendingRegistrations,
    pendingPasswordResets: services.pendingPasswordResets,
    pendingEmailChanges: services.pendingEmailChanges,
    jobs: noMails,
  };
  for (;;) {
    const messages = await takeDueMessages(db, 50);
    if (messages.length === 0) return;
    for (const message of messages) {
      await deliverMessage(parts, message);
      await noteDelivered(db, message);
    }
  }
}
