import { styles } from './styles.js';
import { AREA } from './tagged-document.js';
import type { TaggedPages } from './tagged-pages.js';

/** What whoever holds the sheet should know, by topic. */
const ADVICE: readonly (readonly [topic: string, text: string])[] = [
  [
    'When to use one',
    'You are asked for your second factor and do not have it, because your phone is lost, broken or new: enter one of these codes instead.',
  ],
  ['Each works once', 'Tick its box when you have used it. Which one you take does not matter.'],
  [
    'How to type it',
    'Capital and small letters differ; dashes may be left out. No code has a zero or a one, a capital I or O, or a small l or o in it.',
  ],
  [
    'Where to keep them',
    'On paper in a safe place, or in a password manager: where you can reach them without your phone and without this account, and nobody else can.',
  ],
  [
    'If they were seen',
    'If somebody else may have seen a code, sign in and issue new ones at once. That ends all of these: only the codes of your newest batch work.',
  ],
  ['Who may ask', 'Only the page where you sign in. Nobody will ever call or write to ask you for a code.'],
];

const TOPIC_WIDTH = 112;
const TEXT_WIDTH = AREA.right - AREA.left - TOPIC_WIDTH;
const GAP = 4;

interface Entry {
  readonly topic: string;
  readonly lines: readonly string[];
}

let entries: readonly Entry[] | undefined;

/** How to use the codes, all of it on one page. */
export function drawAdvice(pages: TaggedPages): void {
  // The same on every sheet, so broken into lines but once.
  entries ??= ADVICE.map(([topic, text]) => ({ topic, lines: pages.linesOf(text, TEXT_WIDTH, styles.body) }));
  const textHeight = entries.reduce((sum, { lines }) => sum + lines.length * styles.body.leading + GAP, 0);
  pages.ensureRoom(4 * GAP + styles.heading.leading + textHeight);
  pages.y += 3 * GAP;
  pages.tag('H2', () => pages.put(['How to use these codes'], AREA.left, styles.heading));
  for (const { topic, lines } of entries) {
    pages.y += GAP;
    pages.tag('H3', () => pages.lines([topic], { x: AREA.left, y: pages.y }, styles.topic));
    pages.tag('P', () => pages.put(lines, AREA.left + TOPIC_WIDTH, styles.body));
  }
}
