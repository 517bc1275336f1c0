import { accountsAnswer, eventsAnswer, stateAnswer, usersAnswer, type Simulation } from './control-answers.js';
import { readFaultRules } from './fault-rule.js';
import type { Faults } from './faults.js';
import { Problem } from './problem.js';
import { jsonReply, textReply, type SimulatedReply } from './simulated-reply.js';
import { decodeBody, type SimulatedRequest } from './simulated-request.js';

/** Everything below this path is the simulator's own; faults and statistics leave it alone. */
const prefix = '/_simulator';

const index = {
  'GET /_simulator/state': 'one summary per app_id',
  'GET /_simulator/users?app_id=&offset=&limit=': 'users with their properties, and anonymous users',
  'GET /_simulator/events?app_id=&identity=&event=&offset=&limit=': 'events, filtered',
  'GET /_simulator/accounts?app_id=&offset=&limit=': 'accounts with their properties',
  'GET /_simulator/stats': 'counters',
  'GET /_simulator/faults': 'the fault rules in force',
  'POST /_simulator/faults': 'an array of rules replaces those in force, one rule is added to them',
  'DELETE /_simulator/faults': 'removes all fault rules',
  'POST /_simulator/reset': 'forgets everything, fault rules too',
};

export function isControlPath(path: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

/** Answers a `/_simulator` request; `reset` starts the simulation afresh. */
export function controlAnswer(
  simulation: Simulation,
  reset: () => void,
  request: SimulatedRequest,
  maxBodyBytes: number,
  now: number,
): SimulatedReply {
  switch (`${request.method} ${request.path}`) {
    case `GET ${prefix}`:
    case `GET ${prefix}/`:
      return jsonReply(200, index);
    case `GET ${prefix}/state`:
      return stateAnswer(simulation, now);
    case `GET ${prefix}/users`:
      return usersAnswer(simulation, request);
    case `GET ${prefix}/events`:
      return eventsAnswer(simulation, request);
    case `GET ${prefix}/accounts`:
      return accountsAnswer(simulation, request);
    case `GET ${prefix}/stats`:
      return jsonReply(200, simulation.statistics.snapshot());
    case `POST ${prefix}/reset`:
      reset();
      return jsonReply(200, {});
    case `GET ${prefix}/faults`:
      return jsonReply(200, simulation.faults.list());
    case `POST ${prefix}/faults`:
      return setFaults(simulation.faults, request, maxBodyBytes);
    case `DELETE ${prefix}/faults`:
      simulation.faults.clear();
      return jsonReply(200, []);
    default:
      return textReply(404, `not found: see GET ${prefix}/`);
  }
}

function setFaults(faults: Faults, request: SimulatedRequest, maxBodyBytes: number): SimulatedReply {
  const body = decodeBody(request, maxBodyBytes);
  if (body.kind === 'tooLarge') return textReply(413, 'the body is too large');
  if (body.kind === 'malformed') return textReply(400, 'body: is not valid JSON');
  const rules = readFaultRules(body.value);
  if (rules instanceof Problem) return textReply(400, rules.text);
  if (Array.isArray(body.value)) faults.replace(rules);
  else faults.add(...rules);
  return jsonReply(200, faults.list());
}
