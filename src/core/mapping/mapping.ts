import type { EventType } from '../event/event.js';
import type { Json } from '../json/json.js';
import type { DropReason, RejectionReason } from '../reasons.js';

/** How nested values become flat properties. */
export interface FlattenOptions {
  /** `dot`: `a.b` and `a.0`; `bracket`: `a[b]` and `a[0]`; `stringify`: the object's JSON text; `drop`: left out. */
  readonly objects: 'dot' | 'bracket' | 'stringify' | 'drop';
  /**
   * `list`: an array of scalars stays an array (Heap joins it itself), any other becomes JSON text; `index`: one
   * property per element; `join`: one text; `stringify`: JSON text; `drop`: left out.
   */
  readonly arrays: 'list' | 'index' | 'join' | 'stringify' | 'drop';
  /** Between the elements of a joined array. */
  readonly joinWith: string;
}

/** One step that turns a value into another, or into nothing. See mapping.schema.json for what each does. */
export type Conversion =
  | 'toString'
  | 'toNumber'
  | 'trim'
  | 'toLower'
  | 'timestamp'
  | 'flatten'
  | 'flattenJson'
  | 'dropNulls'
  | { readonly truncate: number }
  | { readonly hash: 'sha256' | 'md5' }
  | { readonly lookup: Readonly<Record<string, Json>>; readonly otherwise?: Json }
  | { readonly flatten: Partial<FlattenOptions> }
  | { readonly rename: Readonly<Record<string, string>> }
  | { readonly exclude: readonly string[] };

/** One line of a mapping: where a key of the operation comes from. */
export interface MappingRule {
  /** `event`, or `properties.plan` for a key inside the properties. `${setting}` is filled in once, at compile time. */
  readonly destKey: string;
  /** Paths into the event; the first that `pick` accepts wins. */
  readonly sourceKeys?: string | readonly string[];
  /** A value that the destination computes, by its name. */
  readonly derived?: string;
  /** A constant. */
  readonly value?: Json;
  /** `defined` takes null too; `nonNull` (default); `nonEmpty` skips `''`, `{}` and `[]`; `truthy` as in JavaScript. */
  readonly pick?: 'defined' | 'nonNull' | 'nonEmpty' | 'truthy';
  /** `rich` descends into arrays and collects, as RudderStack's generic paths do. */
  readonly paths?: 'plain' | 'rich';
  /** The rule is passed over when the operation has this key already. */
  readonly unless?: string;
  /**
   * `true`: the value has to be there, and not empty, after its conversions. `"truthy"`: it has to be truthy before
   * them, which is what RudderStack's mappings ask.
   */
  readonly required?: boolean | 'truthy';
  /** What the event is rejected or dropped with when the rule is required and finds nothing. */
  readonly reason?: RejectionReason | DropReason;
  readonly metadata?: {
    readonly type?: Conversion | readonly Conversion[];
    readonly template?: string;
    readonly default?: Json;
    /** Longest text, in UTF-16 code units. */
    readonly maxLength?: number;
  };
}

export interface OperationMapping {
  /** The kind of operation, one of those the destination knows. */
  readonly operation: string;
  /** Without a required field the event is rejected, or only this operation is left out. */
  readonly ifMissing?: 'reject' | 'skip';
  /** An adjustment noted when the operation is left out. */
  readonly noteSkip?: 'account_link_skipped';
  /** In a mapping that extends a preset: the fields are laid over the preset's operation instead of replacing it. */
  readonly extend?: boolean;
  readonly fields: readonly MappingRule[];
}

/** A mapping file. */
export interface Mapping {
  readonly $schema?: string;
  readonly description?: string;
  /** The preset that this mapping changes; event types not named here stay as they are there. */
  readonly extends?: string;
  readonly events: Readonly<Partial<Record<EventType, readonly OperationMapping[]>>>;
}
