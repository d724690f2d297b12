import type { AdminOperationName } from "@moraine/protocol";
import { createAccessKey, deleteAccessKey, listAccessKeys, updateAccessKey } from "./access-keys.ts";
import { createAccount, createRootKey, deleteAccount, listAccounts } from "./accounts.ts";
import { getAuditHead, listAuditEntries } from "./audit.ts";
import { advanceClock, getClock } from "./clock.ts";
import type { AdminHandler } from "./context.ts";
import { listDamagedArchives } from "./damage.ts";
import { clearFaults, deleteFault, listFaults, putFault } from "./faults.ts";
import { getHealth } from "./health.ts";
import { listNodes } from "./nodes.ts";
import { listNotifications, retryNotification } from "./notifications.ts";
import { deleteUserPolicy, getUserPolicy, listUserPolicies, putUserPolicy } from "./policies.ts";
import { createSession } from "./sessions.ts";
import { simulatePolicy } from "./simulation.ts";
import { listRequestCounts, resetService } from "./testing.ts";
import { createUser, deleteUser, listUsers } from "./users.ts";

/** The compiler refuses this table while an operation lacks its handler. */
export const adminHandlers: { readonly [Name in AdminOperationName]: AdminHandler<Name> } = {
  CreateAccount: createAccount,
  ListAccounts: listAccounts,
  DeleteAccount: deleteAccount,
  CreateRootKey: createRootKey,
  CreateUser: createUser,
  ListUsers: listUsers,
  DeleteUser: deleteUser,
  CreateAccessKey: createAccessKey,
  ListAccessKeys: listAccessKeys,
  UpdateAccessKey: updateAccessKey,
  DeleteAccessKey: deleteAccessKey,
  CreateSession: createSession,
  PutUserPolicy: putUserPolicy,
  GetUserPolicy: getUserPolicy,
  ListUserPolicies: listUserPolicies,
  DeleteUserPolicy: deleteUserPolicy,
  SimulatePolicy: simulatePolicy,
  ListNotifications: listNotifications,
  RetryNotification: retryNotification,
  GetClock: getClock,
  AdvanceClock: advanceClock,
  PutFault: putFault,
  ListFaults: listFaults,
  DeleteFault: deleteFault,
  ClearFaults: clearFaults,
  GetHealth: getHealth,
  ListNodes: listNodes,
  ListDamagedArchives: listDamagedArchives,
  ListAuditEntries: listAuditEntries,
  GetAuditHead: getAuditHead,
  ListRequestCounts: listRequestCounts,
  ResetService: resetService,
};
