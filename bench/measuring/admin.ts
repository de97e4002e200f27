import type { Stage } from '../stage.ts';
import { tokenOf } from './operation.ts';
import { Wire, wireRequest } from './wire.ts';

/** Somebody who may ask a server of this stage for anything. */
export interface Admin {
  readonly token: string;
  /** @throws what the server answers instead of data. */
  ask(url: string, query: string): Promise<any>;
}

export async function makeAdmin(stage: Stage): Promise<Admin> {
  const [person] = await stage.people(1);
  if (person === undefined) throw new Error('Nobody was made.');
  await stage.bare.query(`update accounts set role = 'ADMIN' where id = $1`, [person.viewer.accountId]);
  const token = await tokenOf(stage.app, person);
  return {
    token,
    async ask(url, query) {
      const wire = new Wire(url);
      const headers = { authorization: `Bearer ${token}` };
      const { body } = await wire.send(wireRequest({ path: '/graphql', body: { query }, headers }));
      wire.close();
      const { data, errors } = JSON.parse(body);
      if (errors !== undefined) throw new Error(body);
      return data;
    },
  };
}
