// The same tour as `python_tour` in test_node_sdk.py, with the official Node library. Prints one JSON object.
// WORKOS_BASE_URL and WORKOS_API_KEY say where the sandbox is.
import { WorkOS } from '@workos-inc/node';

const at = new URL(process.env.WORKOS_BASE_URL);
const options = { apiHostname: at.hostname, port: Number(at.port), https: at.protocol === 'https:' };
const workos = new WorkOS(process.env.WORKOS_API_KEY, options);
const sync = workos.directorySync;

// With a limit of its own, autoPagination of the Node library stops after one page: hence none is given.
async function every(list) {
  return await list.autoPagination();
}

async function refusal(promise) {
  try {
    await promise;
    return 'no refusal';
  } catch (error) {
    return error.status;
  }
}

const seen = {};
const organizations = await every(await workos.organizations.listOrganizations({ order: 'asc' }));
seen.organizations = organizations.map((one) => one.name);
const directories = await every(await sync.listDirectories({ order: 'asc' }));
seen.directories = directories.map((one) => [one.id, one.name, one.type, one.externalKey]);
seen.directory = (await sync.getDirectory(directories[0].id)).id;

const okta = directories[0].id;
const users = await every(await sync.listUsers({ directory: okta, order: 'asc' }));
seen.users = users.map((one) => [one.id, one.email, one.firstName, one.lastName, one.state, one.idpId]);
seen.user = (await sync.getUser(users[0].id)).id;
const groups = await every(await sync.listGroups({ directory: okta, order: 'asc' }));
seen.groups = groups.map((one) => [one.id, one.name, one.idpId]);
seen.group = (await sync.getGroup(groups[0].id)).id;
seen.members = {};
for (const group of groups) {
  const inside = await every(await sync.listUsers({ group: group.id, order: 'asc' }));
  seen.members[group.id] = inside.map((one) => one.id);
}
seen.groupsOfUser = (await every(await sync.listGroups({ user: users[0].id }))).map((one) => one.id).sort();

const wanted = ['dsync.user.created', 'dsync.user.updated', 'dsync.group.user_added'];
const rangeStart = '2026-07-10T00:00:00.000Z';
seen.events = [];
let after;
do {
  const page = await workos.events.listEvents({ events: wanted, rangeStart: after ? undefined : rangeStart, after, limit: 50 });
  seen.events.push(...page.data.map((one) => [one.id, one.event]));
  after = page.listMetadata.after;
} while (after);

const home = directories[0].organizationId;
seen.roles = (await workos.authorization.listEnvironmentRoles()).data.map((one) => one.slug);
const memberships = await every(await workos.userManagement.listOrganizationMemberships({ organizationId: home }));
seen.memberships = memberships.map((one) => one.id).sort();

// Reads inside a directory came with 12.3: by them where they are, a user, and one looked for elsewhere.
seen.scoped = null;
if (sync.getDirectoryUser) {
  const inside = { directoryId: okta, userId: users[0].id };
  seen.scoped = [
    (await sync.getDirectoryUser(inside)).id,
    await refusal(sync.getDirectoryUser({ ...inside, directoryId: directories[1].id })),
  ];
}

seen.missing = await refusal(sync.getDirectory('directory_none'));
seen.stranger = await refusal(new WorkOS('sk_test_other', options).directorySync.listDirectories());
seen.noFilter = await refusal(sync.listUsers({}));
console.log(JSON.stringify(seen));
