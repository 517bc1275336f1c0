import type { SchemaFault } from '../core/config/schema-faults.js';
import type { DeliveryConfig } from './delivery-config.js';

/** What is wrong between values of the section `delivery` that are all right by themselves. */
export function deliveryFaults(config: DeliveryConfig): readonly SchemaFault[] {
  const { maxSockets, maxSlowSockets, adaptiveConcurrency, breaker, hostBreaker, poison } = config;
  const { min, initial } = adaptiveConcurrency;
  const regular = maxSockets - maxSlowSockets;
  const faults: SchemaFault[] = [];
  const demand = (isRight: boolean, key: string, message: string): void => {
    if (!isRight) faults.push({ path: ['delivery', ...key.split('.')], message });
  };
  if (regular < 1) {
    demand(false, 'maxSlowSockets', `must be less than delivery.maxSockets (${maxSockets}), of which they are part`);
  } else {
    const rest = `what delivery.maxSockets leaves beside delivery.maxSlowSockets (${regular})`;
    demand(min <= regular, 'adaptiveConcurrency.min', `must be at most ${rest}`);
    demand(initial <= regular, 'adaptiveConcurrency.initial', `must be at most ${rest}`);
    demand(initial >= min, 'adaptiveConcurrency.initial', `must be at least delivery.adaptiveConcurrency.min (${min})`);
  }
  for (const [key, { baseMs, maxMs }] of Object.entries({ breaker, hostBreaker })) {
    demand(maxMs >= baseMs, `${key}.maxMs`, `must be at least delivery.${key}.baseMs (${baseMs})`);
  }
  demand(
    poison.atLeast <= poison.window,
    'poison.atLeast',
    `must be at most delivery.poison.window (${poison.window})`,
  );
  return faults;
}
