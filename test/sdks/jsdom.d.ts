/** As much of jsdom as the tests use; `@types/jsdom` would bring the types of a browser into the whole project. */
declare module 'jsdom' {
  export interface DOMWindow {
    [name: string]: unknown;
    readonly navigator: Record<string, unknown>;
    eval(script: string): unknown;
    close(): void;
  }

  export class VirtualConsole {
    on(event: 'jsdomError', listener: (error: Error) => void): this;
    on(event: 'error' | 'warn', listener: (...message: readonly unknown[]) => void): this;
  }

  export interface ConstructorOptions {
    readonly url: string;
    readonly referrer: string;
    readonly runScripts: 'outside-only';
    readonly virtualConsole: VirtualConsole;
  }

  export class JSDOM {
    constructor(html: string, options: ConstructorOptions);
    readonly window: DOMWindow;
  }
}
