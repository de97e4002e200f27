import { paragraph } from '../mail-content.js';

/** What to do when somebody else has had the reader's codes. */
export const ifCodesAreKnown = paragraph(
  'If this was not you, somebody knows one of your codes. Sign in now, issue new codes, which ends the old ones, change your password and sign out all other sessions.',
);

/** What to do when somebody else acted as the reader. */
export const ifSomebodyWasIn = paragraph(
  'If this was not you, somebody has been in your account. Sign in now, change your password, sign out all other sessions and issue new codes.',
);

/** What to do when somebody has had codes sent, which only works from within the account. */
export const ifNotAskedFor = paragraph(
  'If you did not ask for this, somebody is in your account. Sign in now, change your password, sign out all other sessions and issue new codes, which ends these.',
);

/** What to do when somebody tried and did not get in. */
export const ifSomebodyIsGuessing = paragraph(
  'If this was not you, somebody is guessing. They did not get in. Make sure that your password is one that you use nowhere else.',
);
