import type { Channel, Signals } from '../../src/domain/signals.js';

/** Signals that a test says itself, at the moment that it wants. */
export class SaidSignals implements Signals {
  isUp = true;
  readonly #listeners = new Map<Channel, Set<(payload: string) => void>>();
  readonly #gapListeners = new Set<() => void>();

  on(channel: Channel, heard: (payload: string) => void): () => void {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(heard));
    return () => void listeners.delete(heard);
  }

  onGap(missed: () => void): () => void {
    this.#gapListeners.add(missed);
    return () => void this.#gapListeners.delete(missed);
  }

  say(channel: Channel, payload: string): void {
    for (const heard of this.#listeners.get(channel) ?? []) heard(payload);
  }

  gap(): void {
    for (const missed of this.#gapListeners) missed();
  }
}
