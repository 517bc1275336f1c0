/**
 * A data port of which something is left out. Usage: PORT=<port> node door-process.js <contender> <configuration file>
 *
 * - `bare`: node:http that parses a body and answers as the service does; nothing else.
 * - `discard`: the service's own app, with an intake that throws events away.
 * - `direct`: door, transform and delivery; nothing is stored, and an answer waits for nothing.
 * - `stored`: door and store, as DATA_DIR or DATABASE_URL says; nothing is delivered.
 */
import { systemClock } from '../../src/core/clock.js';
import { messageIdOf } from '../../src/core/durable/accept-events.js';
import { takeIn, type EventResult, type IncomingEvent, type Intake } from '../../src/core/intake.js';
import { startBareServer } from './bare-server.js';
import { serviceParts, type ServiceParts } from './service-parts.js';

const [contender = '', configFile = ''] = process.argv.slice(2);
const port = Number(process.env.PORT);
if (contender === 'bare') {
  startBareServer(port);
} else {
  const parts = serviceParts(configFile, (outcome) => {
    // It would be missing, and the others would have less to do.
    if (outcome === 'abandoned') throw new Error('there was no room for an event');
  });
  await parts.openDoor(await intakeOf(parts), port);
}

async function intakeOf(parts: ServiceParts): Promise<Intake> {
  switch (contender) {
    case 'discard':
      return { hasRoom: () => true, takeIn: (events) => Promise.resolve(accepted(events)) };
    case 'direct':
      return directIntake(parts);
    case 'stored':
      return (await parts.startIntake()).intake;
    default:
      throw new Error(`there is no contender '${contender}'`);
  }
}

function directIntake({ config, router, observer }: ServiceParts): Intake {
  const { answerTimeoutMs, maxEventLength } = config.server;
  const options = { router, clock: systemClock, observer, answerTimeoutMs, maxEventLength };
  return {
    hasRoom: () => router.hasRoom(),
    takeIn: (events, connection) => {
      void takeIn(events, connection, options);
      return Promise.resolve(accepted(events));
    },
  };
}

function accepted(events: readonly IncomingEvent[]): readonly EventResult[] {
  return events.map(({ value }) => ({ messageId: messageIdOf(value), outcome: 'accepted' }));
}
