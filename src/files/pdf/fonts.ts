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

export const fontNames = Object.keys(paths) as readonly FontName[];

const parsed = new Map<FontName, Font>();

/** Whether the font has a glyph for each character. */
export function canSpell(name: FontName, text: string): boolean {
  const font = parsedFont(name);
  return Array.from(text).every((character) => font.hasGlyphForCodePoint(character.codePointAt(0) ?? 0));
}

/**
 * The font for one document. Its tables are parsed but once; its glyphs are the document's own, because a glyph keeps the
 * character that it was first drawn for, and text could be read back as what had stood in another document.
 */
export function fontForDocument(name: FontName): Font {
  return Object.create(parsedFont(name), { _glyphs: { value: {} } }) as Font;
}

function parsedFont(name: FontName): Font {
  const font = parsed.get(name) ?? (create(readFileSync(paths[name])) as Font);
  parsed.set(name, font);
  return font;
}
