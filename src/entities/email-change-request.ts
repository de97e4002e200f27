import { defineEntity, p } from '@mikro-orm/core';
import { AccountSchema } from './account.js';
import { createdAt, id, timestamp } from './columns.js';

/** An account's wish for another address, which both addresses have to confirm. An account has one at a time. */
export const EmailChangeRequestSchema = defineEntity({
  name: 'EmailChangeRequest',
  tableName: 'email_change_requests',
  properties: {
    id: id(),
    accountId: () => p.manyToOne(AccountSchema).mapToPk().fieldName('account_id').deleteRule('cascade'),
    newEmail: p.text(),
    /** In the form in which addresses are compared. */
    newEmailKey: p.text(),
    createdAt: createdAt(),
    expiresAt: timestamp(),
    confirmedByCurrentAt: timestamp().nullable(),
    confirmedByNewAt: timestamp().nullable(),
    /** Both have confirmed, and the address was changed. */
    completedAt: timestamp().nullable(),
  },
  checks: [
    {
      name: 'email_change_requests_complete_by_both',
      expression: `completed_at is null or (confirmed_by_current_at is not null and confirmed_by_new_at is not null)`,
    },
  ],
  uniques: [{ name: 'email_change_requests_account_id_unique', properties: ['accountId'] }],
  indexes: [
    { name: 'email_change_requests_created_at_index', properties: ['createdAt', 'id'] },
    {
      name: 'email_change_requests_completed_at_index',
      expression: `create index email_change_requests_completed_at_index on email_change_requests (completed_at, id) where completed_at is not null`,
    },
  ],
});
