import { GENERATE, HISTORY, REFRESH, SIGN_IN, VERIFY } from '../documents.ts';
import { execute, type Operation, tokenOf } from '../measuring/operation.ts';
import { record, type Recording, type Statement } from '../measuring/recorder.ts';
import type { Person, RealCode, Stage } from '../stage.ts';
import type { Figure } from '../table.ts';

/** What one operation did, and for whom. */
export interface Sample extends Recording {
  readonly person: Person;
}

/** What operations sent to the database, of which the floors do a part again. */
export interface Samples {
  readonly sessionCheck: Statement;
  readonly verify: Sample & { readonly code: RealCode };
  readonly signIn: Sample & { readonly code: RealCode };
  readonly generate: Sample;
  readonly history: Sample;
}

/** More than a page. */
const HISTORY_LENGTH = 15;
export const WRONG_CODE = 'wrong-wrong-wrong-wrong-wrong-wrong';
const TRANSACTION = /^\s*(?:begin|start transaction|set transaction|commit|rollback)/i;

/** Records each operation once, after as much of it as warms caches and connections. */
export async function takeSamples(stage: Stage): Promise<{ samples: Samples; figures: Figure[] }> {
  const { app } = stage;
  const [warming, spent, signedIn, wrongly, again] = stage.stock as [RealCode, RealCode, RealCode, RealCode, RealCode];
  const [fresh, reader] = (await stage.people(2)) as [Person, Person];
  for (let number = 1; number <= HISTORY_LENGTH; number += 1) await issueAgain(stage, reader);
  await asMember(stage, warming.owner, verifying(warming.plaintext));

  // Of somebody who has not asked before: a session that is known costs none.
  const token = await tokenOf(app, fresh);
  const { origin } = fresh;
  const check = await record(() => app.services.authentication.viewerOf({ bearer: token, origin }));
  const verify = await asMember(stage, spent.owner, verifying(spent.plaintext));
  const wrong = await asMember(stage, wrongly.owner, verifying(WRONG_CODE));
  const signIn = await asStranger(stage, signedIn.owner, signingIn(signedIn));
  const generate = await asMember(stage, fresh, { document: GENERATE });
  const history = await asMember(stage, reader, { document: HISTORY });
  const answer = await execute(app, { person: again.owner }, signingIn(again));
  const { refreshToken } = answer.signInWithRecoveryCode;
  const refresh = await asStranger(stage, again.owner, { document: REFRESH, variables: { token: refreshToken } });

  const sessionCheck = check.statements[0] as Statement;
  return {
    samples: {
      sessionCheck,
      verify: { ...verify, code: spent },
      signIn: { ...signIn, code: signedIn },
      generate,
      history,
    },
    figures: [
      statements('verify', verify, { sessionCheck, atMost: 4 }),
      statements('verify, wrong code', wrong, { sessionCheck }),
      statements('sign-in by code', signIn, { sessionCheck, atMost: 7 }),
      statements('generate', generate, { sessionCheck }),
      statements('refresh', refresh, { sessionCheck }),
      statements('history page', history, { sessionCheck }),
      hashes('verify', verify, 1),
      hashes('verify, wrong code', wrong, 1),
      hashes('sign-in by code', signIn, 1),
      hashes('generate', generate, 10),
    ],
  };
}

async function issueAgain({ app, bare }: Stage, { viewer, origin }: Person): Promise<void> {
  await bare.query('update rate_limits set blocked_until = null where blocked_until is not null');
  await app.services.recoveryCodes.generate(viewer, origin, {});
}

function verifying(code: string): Operation {
  return { document: VERIFY, variables: { code } };
}

function signingIn({ owner, plaintext }: RealCode): Operation {
  return { document: SIGN_IN, variables: { email: owner.email, code: plaintext } };
}

async function asMember({ app }: Stage, person: Person, operation: Operation): Promise<Sample> {
  const token = await tokenOf(app, person);
  return { person, ...(await record(() => execute(app, { person, token }, operation))) };
}

async function asStranger({ app }: Stage, person: Person, operation: Operation): Promise<Sample> {
  return { person, ...(await record(() => execute(app, { person }, operation))) };
}

function statements(
  operation: string,
  { statements: sent }: Recording,
  { sessionCheck, atMost }: { readonly sessionCheck: Statement; readonly atMost?: number },
): Figure {
  const transaction = sent.filter(({ text }) => TRANSACTION.test(text)).length;
  const checks = sent.filter(({ text }) => text === sessionCheck.text).length;
  return {
    name: `${operation}: SQL statements`,
    ours: sent.length - transaction - checks,
    unit: '',
    ...(atMost !== undefined && { must: { of: 'figure', atMost } }),
    note: `and ${transaction} of BEGIN and COMMIT, ${checks} session check`,
  };
}

function hashes(operation: string, { hashes: ours }: Recording, atMost: number): Figure {
  return { name: `${operation}: hashes`, ours, unit: '', must: { of: 'figure', atMost } };
}
