import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { create, type Font } from 'fontkit';

const require = createRequire(import.meta.url);

const paths = {
  // Drawn so that nobody takes I, l and 1, or O and 0, for each other.
  text: require.resolve('@expo-google-fonts/atkinson-hyperlegible-next/400Regular/AtkinsonHyperlegibleNext_400Regular.ttf'),
  heading:
    require.resolve('@expo-google-fonts/atkinson-hyperlegible-next/700Bold/AtkinsonHyperlegibleNext_700Bold.ttf'),
  code: require.resolve('@expo-google-fonts/atkinson-hyperlegible-mono/500Medium/AtkinsonHyperlegibleMono_500Medium.ttf'),
  // Spells what the others lack, such as Cyrillic, Hebrew and Arabic.
  wide: require.resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf'),
};

export type FontName = keyof typeof paths;

/**
 * The fonts as files, which each document parses for itself: a parsed font remembers of which character it first drew a
 * glyph, so in documents that shared one, text could be read back as what had stood in another.
 */
export const fontFiles = Object.fromEntries(
  Object.entries(paths).map(([name, path]) => [name, readFileSync(path)]),
) as Readonly<Record<FontName, Buffer>>;

const coverage = new Map<FontName, Font>();

/** Whether the font has a glyph for each character. */
export function canSpell(name: FontName, text: string): boolean {
  const font = coverage.get(name) ?? (create(fontFiles[name]) as Font);
  coverage.set(name, font);
  return Array.from(text).every((character) => font.hasGlyphForCodePoint(character.codePointAt(0) ?? 0));
}
