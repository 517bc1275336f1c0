import { readFileSync } from 'node:fs';

import { JSDOM, VirtualConsole, type DOMWindow } from 'jsdom';

import { repositoryRoot } from '../support/documentation.js';

/** A page of a shop in a browser without a screen. */
export interface BrowserPage {
  readonly window: DOMWindow;
  /** What the page wrote to its console as a warning or an error; requests that CORS forbids are among it. */
  readonly complaints: readonly string[];
  close(): void;
}

export const pageUrl = 'https://shop.example.test/cart?utm_source=news';

/**
 * Opens a page and runs a script in it, as a `<script>` of the page would: with the page's own XMLHttpRequest, which asks
 * the server beforehand where the rules of CORS say so, and keeps back answers that the server does not allow the page.
 *
 * @param script path of the script's file, below the repository.
 */
export function openPage(script: string): BrowserPage {
  const complaints: string[] = [];
  const virtualConsole = new VirtualConsole();
  virtualConsole.on('jsdomError', ({ message }) => complaints.push(message));
  for (const level of ['error', 'warn'] as const) {
    virtualConsole.on(level, (...message) => complaints.push(message.map(String).join(' ')));
  }
  const { window } = new JSDOM('<!doctype html><title>Shop</title>', {
    url: pageUrl,
    referrer: 'https://news.example.test/',
    runScripts: 'outside-only',
    virtualConsole,
  });
  // Browsers have these, jsdom has not.
  window.TextEncoder = TextEncoder;
  window.TextDecoder = TextDecoder;
  window.eval(readFileSync(`${repositoryRoot}${script}`, 'utf8'));
  return {
    window,
    complaints,
    close: () => {
      window.close();
    },
  };
}
