import type { Chore, ChoreParts, CleanupTask, Counts } from '../task.js';

/** Removes nothing: fetches the keys of trusted issuers anew. A failed or empty answer keeps the last good set. */
export const oidcClientKeys: CleanupTask<'OIDC_CLIENT_KEYS'> = {
  name: 'OIDC_CLIENT_KEYS',
  retention: { kind: 'none' },
  kinds: ['refreshed', 'failed'],
  marks: ['refreshed', 'failed'],
  steps: () => [],
  chore: refreshOf,
};

function refreshOf({ keyRefresh }: ChoreParts): Chore {
  return {
    async preview() {
      const due = await keyRefresh.due();
      return { refreshed: due.length, failed: 0 };
    },
    async *run(): AsyncGenerator<Counts> {
      for await (const { error } of keyRefresh.refreshAll(await keyRefresh.due())) {
        yield error === null ? { refreshed: 1 } : { failed: 1 };
      }
    },
    endingOf({ refreshed = 0, failed = 0 }: Counts) {
      if (failed === 0) return { status: 'SUCCEEDED' };
      const error = `The keys of ${failed} of ${refreshed + failed} trusted issuer(s) could not be fetched; lastError of each says why.`;
      return { status: refreshed === 0 ? 'FAILED' : 'PARTIAL', error };
    },
  };
}
