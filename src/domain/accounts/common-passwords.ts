const SHORTEST_ALLOWED = 8;
let known: Promise<ReadonlySet<string>> | undefined;

/** Whether a password, in whatever case, is in the bundled list of the most common ones. */
export async function isCommonPassword(password: string): Promise<boolean> {
  known ??= load();
  return (await known).has(password.toLowerCase());
}

async function load(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  const passwords = dictionary['passwords-common'] as readonly string[];
  return new Set(passwords.filter((password) => password.length >= SHORTEST_ALLOWED));
}
