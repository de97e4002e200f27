import { describe, expect, it } from '@jest/globals';
import { format } from 'prettier';
import { formatProblems } from '../../../src/config/format-problems.js';
import { loadConfig } from '../../../src/config/load-config.js';
import { problemsTable, settingsTable } from '../../../src/config/settings-table.js';
import { allSettings } from '../../../src/config/settings.js';

describe('the list of problems for people', () => {
  it('gives every problem with its hint, in columns', () => {
    expect(formatProblems(loadConfig({ PORT: 'x', MAX_ATTEMPTS: '500' }).problems)).toBe(
      [
        'E001  ERROR    PORT          Must be a whole number from 0 to 65535.',
        '                             Hint: Write plain decimal digits only: no spaces, point, exponent, leading zero, true or false.',
        'W005  WARNING  MAX_ATTEMPTS  Above 100, guessing is limited less than it should be.',
        '                             Hint: NIST SP 800-63B-4, section 3.2.2, allows 100 failures in a row.',
      ].join('\n'),
    );
  });

  it('is empty without problems', () => {
    expect(formatProblems([])).toBe('');
  });
});

describe('the table of settings', () => {
  const rows = settingsTable().trimEnd().split('\n');

  it('has a head and a row for every setting, in their order', () => {
    expect(rows[0]).toMatch(/^\| Setting +\| Default +\| Range +\| Meaning +\|$/);
    const names = rows.slice(2).map((row) => /^\| `([A-Z_]+)`/.exec(row)?.[1]);
    expect(names).toEqual(allSettings.map(({ setting }) => setting.name));
  });

  it('tells default, range and file variant', () => {
    const row = (name: string): string => rows.find((text) => text.includes(`\`${name}\``))?.replace(/ +/g, ' ') ?? '';
    expect(row('CODES_PER_BATCH')).toBe('| `CODES_PER_BATCH` | `10` | 1–50 | Recovery codes in a batch. |');
    expect(row('DATABASE_URL')).toContain(
      '| `DATABASE_URL` or `DATABASE_URL_FILE` | embedded PostgreSQL in DATA_DIR |',
    );
    expect(row('CORS_ORIGINS')).toContain('| none |');
  });

  it('is as prettier would write it', async () => {
    for (const table of [settingsTable(), problemsTable()])
      expect(await format(table, { parser: 'markdown' })).toBe(table);
  });

  it('describes every setting in one sentence', () => {
    for (const { setting } of allSettings) expect(setting.description).toMatch(/^[A-Z].{10,110}\.$/);
  });
});

describe('the table of problems', () => {
  it('explains every id once, errors before warnings', () => {
    const ids = problemsTable()
      .split('\n')
      .slice(2, -1)
      .map((row) => /^\| ([EW]\d{3}) \| \S/.exec(row)?.[1]);
    expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => (a ?? '').localeCompare(b ?? '')));
    expect(ids).toEqual(expect.arrayContaining(['E001', 'E013', 'W001']));
  });
});
