interface Field {
  /** The variable of the operation that it fills; left out when the field stays empty. */
  variable: string;
  label: string;
  hint: string;
}

interface PasswordField extends Field {
  type: 'password';
  autocomplete: 'current-password' | 'new-password';
  isRequired: boolean;
}

interface ChoiceField extends Field {
  type: 'checkbox';
}

export type PageField = PasswordField | ChoiceField;

export interface PageSpec {
  title: string;
  intro: string;
  button: string;
  fields: readonly PageField[];
  /** Takes `$token` and what the fields are named after. */
  query: string;
  done: string;
  /** What to say for a code of the API's errors; others get the server's own words. */
  refusals: Readonly<Record<string, string>>;
}

const verifyEmail = {
  title: 'Confirm your e-mail address',
  intro: 'Confirm only if it was you who registered.',
  button: 'Confirm',
  fields: [
    {
      variable: 'password',
      label: 'The password you chose when you registered',
      hint: 'May stay empty. With it, it is certain that the account gets your password and nobody else’s.',
      type: 'password',
      autocomplete: 'current-password',
      isRequired: false,
    },
  ],
  query: 'mutation($token:String!,$password:String){verifyEmail(token:$token,password:$password){acknowledged}}',
  done: 'Your address is confirmed. Sign in now. If no password could be kept, a mail with a link to set one is on its way.',
  refusals: {
    INVALID_CREDENTIALS: 'This is not the password registered with this link. Try again, or leave it empty.',
    INVALID_TOKEN: 'This link was used before, or it is too old. Ask for a new mail.',
  },
} as const satisfies PageSpec;

const resetPassword = {
  title: 'Set a new password',
  intro: 'It takes the place of the old one, and everybody who is signed in as you has to sign in again.',
  button: 'Set the password',
  fields: [
    {
      variable: 'newPassword',
      label: 'New password',
      hint: 'A long one that you use nowhere else. A few words in a row do well.',
      type: 'password',
      autocomplete: 'new-password',
      isRequired: true,
    },
    {
      variable: 'revokeRecoveryCodes',
      label: 'Delete my recovery codes too',
      hint: 'Do this if somebody else may have them. You can issue new ones after signing in.',
      type: 'checkbox',
    },
  ],
  query:
    'mutation($token:String!,$newPassword:String!,$revokeRecoveryCodes:Boolean){resetPassword(token:$token,newPassword:$newPassword,revokeRecoveryCodes:$revokeRecoveryCodes){acknowledged}}',
  done: 'Your new password is set. Sign in with it now.',
  refusals: {
    INVALID_TOKEN: 'This link was used before, it is too old, or a newer one was mailed. Ask for a new mail.',
  },
} as const satisfies PageSpec;

const confirmEmailChange = {
  title: 'Confirm the new address',
  intro: 'Confirm only if it was you who asked for it. Both addresses get a link, and both have to confirm.',
  button: 'Confirm',
  fields: [],
  query: 'mutation($token:String!){confirmEmailChange(token:$token){id}}',
  done: 'Confirmed. Once the other address has confirmed too, the change is made: both get a mail, and you sign in anew.',
  refusals: {
    INVALID_TOKEN:
      'This link was used before, it is too old, or the change was cancelled. Ask for the change once more.',
    CONFLICT: 'The new address belongs to another account by now, so the change cannot be made. Nothing was changed.',
  },
} as const satisfies PageSpec;

/** The pages that mailed links open, by their paths. */
export const mailLinkPages = {
  'verify-email': verifyEmail,
  'reset-password': resetPassword,
  'confirm-email-change': confirmEmailChange,
} as const;

/** Which mailed link a page belongs to; also the page's path. */
export type MailLinkPageKind = keyof typeof mailLinkPages;
