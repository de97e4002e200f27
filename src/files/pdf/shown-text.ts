import bidiFactory from 'bidi-js';
import { canSpell, type FontName } from './fonts.js';

/** A text as it can be printed, and the font that spells it. */
export interface ShownText {
  readonly text: string;
  readonly font: FontName;
}

/** Line breaks, tabs and what else has no place in one line of text. */
const CONTROLS = /[\p{Cc}\s]+/gu;
/** What would turn the text around it, and what XML and fonts have no use for. */
const NEVER_SHOWN = /[\p{Bidi_Control}\p{Noncharacter_Code_Point}]/gu;
const REPLACEMENT = '\ufffd';

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
// The package says that it exports its factory as `default`; what it exports is the factory.
const bidi = (bidiFactory as unknown as typeof bidiFactory.default)();

/** The text in one line, whatever is in it: no control characters, and nothing that changes the direction of the rest. */
export function oneLine(text: string): string {
  return text.toWellFormed().normalize('NFC').replaceAll(NEVER_SHOWN, '').replaceAll(CONTROLS, ' ').trim();
}

/** The text in the font that people read best, else in the one that can spell most; what neither can is U+FFFD. */
export function shownText(text: string): ShownText {
  const line = oneLine(text);
  if (canSpell('text', line)) return { text: line, font: 'text' };
  const spelt = charactersOf(line).map((character) => (canSpell('wide', character) ? character : REPLACEMENT));
  return { text: spelt.join(''), font: 'wide' };
}

/** Breaks after spaces, dashes and @ where it can, else between any two characters. */
export function brokenLines(text: string, width: number, widthOf: (part: string) => number): string[] {
  const parts = text.split(/(?<=[\s@-])/u).flatMap((part) => (widthOf(part) > width ? charactersOf(part) : [part]));
  const lines: string[] = [];
  let [line, taken] = ['', 0];
  for (const part of parts) {
    if (line !== '' && taken + widthOf(part.trimEnd()) > width) {
      lines.push(line.trimEnd());
      [line, taken] = ['', 0];
    }
    line += part;
    taken += widthOf(part);
  }
  return [...lines, line.trimEnd()];
}

/** The pieces of a line from left to right, each of one direction and spelt as it is read. */
export function visualRuns(line: string): string[] {
  const embedding = bidi.getEmbeddingLevels(line);
  const { levels } = embedding;
  if (levels.every((level) => level === 0)) return [line];
  const mirrored = bidi.getMirroredCharactersMap(line, levels);
  const runs: number[][] = [];
  for (const index of bidi.getReorderedIndices(line, embedding)) {
    const run = runs.at(-1);
    const before = run?.at(-1) ?? -2;
    if (Math.abs(index - before) === 1 && levels[index] === levels[before]) run?.push(index);
    else runs.push([index]);
  }
  return runs.map((run) => {
    const logical = run.toSorted((a, b) => a - b).map((index) => mirrored.get(index) ?? line.charAt(index));
    const isLeftwards = (levels[run[0] ?? 0] ?? 0) % 2 === 1;
    return isLeftwards && !isShapedLeftwards(logical)
      ? charactersOf(logical.join('')).toReversed().join('')
      : logical.join('');
  });
}

/** Letters of such a script are turned when they are shaped; a run that is all signs and spaces is not. */
function isShapedLeftwards(characters: readonly string[]): boolean {
  return characters.some((character) => ['R', 'AL'].includes(bidi.getBidiCharTypeName(character)));
}

function charactersOf(text: string): string[] {
  return Array.from(graphemes.segment(text), ({ segment }) => segment);
}
