import type { CodeSheet, ExportFormat } from '../../src/domain/copies/code-sheet.js';
import { inTurns } from '../measuring/rounds.ts';
import { renderCodeFile } from '../program.ts';
import type { RealCode, Stage } from '../stage.ts';
import type { Figure } from '../table.ts';

const YEAR_MS = 365 * 24 * 60 * 60 * 1000;

/** Rendering a batch as a file; what is allowed was set, there is no floor to it. */
export async function measureExport(stage: Stage): Promise<Figure[]> {
  const sheet = sheetOf(stage);
  const rendering = (format: ExportFormat) => async () => {
    const startedAt = performance.now();
    await renderCodeFile(format, sheet);
    return performance.now() - startedAt;
  };
  const { pdf, txt } = await inTurns(Math.ceil(stage.scale.times / 5), {
    pdf: rendering('PDF'),
    txt: rendering('TXT'),
  });
  return [
    { name: 'render a batch as PDF, p50', ours: pdf, unit: ' ms', must: { of: 'figure', atMost: 50 } },
    { name: 'render a batch as TXT, p50', ours: txt, unit: ' ms', must: { of: 'figure', atMost: 5 } },
  ];
}

/** A batch of the stock, as its owner would print it. */
function sheetOf({ stock }: Stage): CodeSheet {
  const [{ owner, batchId }] = stock as [RealCode];
  const codes = stock.filter((code) => code.batchId === batchId).map(({ plaintext }) => plaintext);
  const issuedAt = new Date();
  return {
    siteName: 'Sparekey',
    account: owner.email,
    batchNumber: 1,
    issuedAt,
    expiresAt: new Date(issuedAt.getTime() + YEAR_MS),
    codes: codes.map((code, index) => ({ position: index + 1, code })),
  };
}
