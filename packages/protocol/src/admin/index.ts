import { type AccessKeyShapes, accessKeyOperations } from "./access-keys.ts";
import { type AccountShapes, accountOperations } from "./accounts.ts";
import type { AdminOperation } from "./admin-operation.ts";
import { type AuditShapes, auditOperations } from "./audit.ts";
import { type ClockShapes, clockOperations } from "./clock.ts";
import { type DamageShapes, damageOperations } from "./damage.ts";
import { type FaultShapes, faultOperations } from "./faults.ts";
import { type HealthShapes, healthOperations } from "./health.ts";
import { type NodeShapes, nodeOperations } from "./nodes.ts";
import { type NotificationShapes, notificationOperations } from "./notifications.ts";
import { type PolicyShapes, policyOperations } from "./policies.ts";
import { type SessionShapes, sessionOperations } from "./sessions.ts";
import { type SimulationShapes, simulationOperations } from "./simulation.ts";
import { type TestingShapes, testingOperations } from "./testing.ts";
import { type UserShapes, userOperations } from "./users.ts";

const table = {
  ...accountOperations,
  ...userOperations,
  ...accessKeyOperations,
  ...sessionOperations,
  ...policyOperations,
  ...simulationOperations,
  ...notificationOperations,
  ...clockOperations,
  ...faultOperations,
  ...healthOperations,
  ...nodeOperations,
  ...damageOperations,
  ...auditOperations,
  ...testingOperations,
} as const;

/** The operation's name; prefixed by `moraine:`, it is also the name of the permission. */
export type AdminOperationName = keyof typeof table;

/** The names of the operations that take a body of JSON. */
export type AdminBodyName = {
  [Name in AdminOperationName]: (typeof table)[Name] extends { readonly request: "json" } ? Name : never;
}[AdminOperationName];

/** The whole admin API. It is signed for the service `moraine`, and asks for no version header. */
export const adminOperations: { readonly [Name in AdminOperationName]: AdminOperation } = table;

/** Fields of path and query begin lowercase, fields of JSON bodies uppercase. */
export interface AdminShapes
  extends AccountShapes,
    UserShapes,
    AccessKeyShapes,
    SessionShapes,
    PolicyShapes,
    SimulationShapes,
    NotificationShapes,
    ClockShapes,
    FaultShapes,
    HealthShapes,
    NodeShapes,
    DamageShapes,
    AuditShapes,
    TestingShapes {}
