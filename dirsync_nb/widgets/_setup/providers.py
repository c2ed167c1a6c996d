# ruff: noqa: E501 - prose, and a table with one line for each provider
"""How a directory is connected, provider by provider: who does what, and where each value comes from.

State of knowledge: WorkOS documentation of mid 2026. Texts are ours and hold a little markup of our own.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "OTHERS", "QUICK_START", "STATES", "Provider", "State", "state_of"]

ENDPOINT = (
    "the directory's page in the WorkOS dashboard: “Endpoint”, <code>https://api.workos.com/scim/v2.0/…</code>"
)
BEARER = "the same page: “Bearer token”. It is shown once, so copy it at once; two can be live at a time"
DASHBOARD = (
    "WorkOS dashboard → <b>Organizations</b> → the customer's organization → <b>Directory Sync</b> → configure it "
    "by hand (or invite the customer's admin, who then sees these steps in the Admin Portal)."
)


@dataclass(frozen=True)
class Provider:
    """One provider with its steps.

    Parameters
    ----------
    type
        The API's word for it, in a directory's ``type``.
    title
        What people call it.
    steps
        What to do, in order.
    entered
        What has to be entered: name, where it goes, where it comes from.
    arrives
        When the data comes.
    notes
        What surprises people.
    """

    type: str
    title: str
    steps: tuple[str, ...]
    entered: tuple[tuple[str, str, str], ...]
    arrives: str
    notes: tuple[str, ...]


FULL = (
    Provider(
        "okta scim v2.0",
        "Okta SCIM v2.0",
        (
            f"{DASHBOARD} Provider: <b>Okta</b>; give it a name; <b>Create</b>. Keep the page with endpoint and "
            "token open.",
            "Okta admin console → <b>Applications</b> → <b>Browse App Catalog</b> → “SCIM 2.0 Test App (OAuth "
            "Bearer Token)” → <b>Add Integration</b>, name it, <b>Done</b>. (Or open the application you have.)",
            "Tab <b>Provisioning</b> → <b>Configure API Integration</b> → enable it. Endpoint into “SCIM 2.0 Base "
            "Url”, token into “OAuth Bearer Token” → <b>Test API Credentials</b> → <b>Save</b>.",
            "<b>Provisioning</b> → <b>To App</b> → <b>Edit</b>: switch on Create Users, Update User Attributes "
            "and Deactivate Users → <b>Save</b>.",
            "Tab <b>Assignments</b> → assign the people directly; check the form of each.",
            "Tab <b>Push Groups</b> → find groups by name → pick one, keep “push immediately” → <b>Save</b>. "
            "Repeat for each group.",
            "Further attributes: <b>Directory</b> → <b>Profile Editor</b> → the application → <b>Add Attribute</b> "
            "(external name: the SCIM path, such as <code>manager.value</code>; external namespace: "
            "<code>urn:ietf:params:scim:schemas:extension:enterprise:2.0:User</code>) → <b>Mappings</b> → "
            "“Okta User to app” → map it, apply on create and update → <b>Save</b>, apply now.",
        ),
        (
            ("Endpoint", "Okta: “SCIM 2.0 Base Url”", ENDPOINT),
            ("Bearer token", "Okta: “OAuth Bearer Token”", BEARER),
        ),
        "At once: Okta pushes each change.",
        (
            "People assigned to the application only through a group send no removal when they leave that group. "
            "For right memberships assign them directly and push the group as well.",
            "Suspending somebody in Okta changes nothing here; deactivating or unassigning does.",
            "A group's provider id is its name, so a renamed group keeps only its WorkOS id.",
        ),
    ),
    Provider(
        "azure scim v2.0",
        "Azure AD / Entra ID SCIM v2.0",
        (
            f"{DASHBOARD} Provider: <b>Entra ID</b>; give it a name; <b>Create</b>. Keep the page with endpoint "
            "and token open.",
            "Entra admin center → <b>Enterprise applications</b> → <b>New application</b> → <b>Create your own "
            "application</b> → name it, “any other application you don't find in the gallery” → <b>Create</b>.",
            "<b>Provisioning</b> → <b>Get started</b> → mode <b>Automatic</b>. Endpoint into “Tenant URL”, token "
            "into “Secret Token” → <b>Test Connection</b> → <b>Save</b>.",
            "<b>Mappings</b>: leave users and groups switched on. In the user mapping set the source of "
            "<code>externalId</code> to <code>objectId</code> (it comes as <code>mailNickname</code>).",
            "<b>Users and groups</b> → <b>Add user/group</b> → choose whom to sync → <b>Assign</b>.",
            "<b>Provisioning</b> → status <b>On</b>, scope “Sync only assigned users and groups” → <b>Save</b>.",
            "Further attributes: <b>Provisioning</b> → <b>Mappings</b> → users → <b>Add New Mapping</b>, for "
            "instance <code>employeeOrgData.division</code> to <code>urn:ietf:params:scim:schemas:extension:"
            "enterprise:2.0:User:division</code>, apply always.",
        ),
        (
            ("Endpoint", "Entra: “Tenant URL”", ENDPOINT),
            ("Bearer token", "Entra: “Secret Token”", BEARER),
        ),
        "In cycles of about 40 minutes; “Provision on demand” sends one person at once.",
        (
            "The address comes from Exchange <code>mail</code>. Without Exchange there is none: map "
            '<code>userPrincipalName</code> to <code>emails[type eq "work"].value</code>.',
            "Somebody deleted and restored gets no groups back until an admin restarts provisioning.",
            "New people arrive in two steps, created and then updated.",
        ),
    ),
    Provider(
        "gsuite directory",
        "Google Workspace",
        (
            "WorkOS dashboard: choose the environment (top left) that your product uses.",
            "<b>Organizations</b> → the customer's organization → <b>Invite admin</b> → tick <b>Directory Sync</b> "
            "→ enter the admin's address, or copy the setup link and send it.",
            "The customer's admin opens the link, chooses <b>Google</b>, signs in with a Google "
            "<b>administrator</b> account and consents. There is no endpoint and no token to copy.",
            "The admin may choose which groups to sync. With such a choice, <b>only people who are in one of the "
            "chosen groups</b> are synced.",
            "People and groups appear after the first pull. Watch it below.",
        ),
        (
            ("Setup link", "the admin's browser", "WorkOS dashboard → the organization → “Invite admin”"),
            ("Consent", "Google's own page", "a Google Workspace administrator account of the customer"),
        ),
        "WorkOS pulls about every 30 minutes, counted from the first sync.",
        (
            "Groups inside groups count only by their direct members.",
            "Somebody archived or removed at Google, or no longer in a chosen group, disappears with the next pull.",
        ),
    ),
)

OTHERS = (
    ("OneLogin", "onelogin scim v2.0", "endpoint + token", "pushed", "Application “SCIM Provisioner with SAML (SCIM V2 Enterprise)”; groups come from roles and rules. Take people out of a group before removing it"),
    ("JumpCloud", "jump cloud scim v2.0", "endpoint + token", "pushed", "A SAML application first; people are assigned through groups only"),
    ("PingFederate", "pingfederate scim v2.0", "endpoint + token", "pushed", "SCIM connector, version 2.0, “OAuth 2 Bearer Token”; set the channel to active"),
    ("CyberArk", "cyberark scim v2.0", "endpoint + token", "pushed, by schedule", "Provisioning of a SAML application; roles are mapped to groups"),
    ("Rippling", "rippling scim v2.0", "endpoint + token", "pushed", "Custom app, SCIM 2.0; send externalId, address, given and family name"),
    ("SailPoint", "sailpoint scim v2.0", "endpoint + token", "pushed", "Endpoint and token only"),
    ("Custom SCIM", "generic scim v2.0", "endpoint + token, or OAuth client credentials", "pushed", "Any provider that speaks SCIM 2.0"),
    ("Workday", "workday", "two report addresses (JSON), user name, password", "pulled, 30 min", "Integration System User; two advanced custom reports enabled as web service"),
    ("BambooHR", "bamboohr", "subdomain + API key", "pulled, 30 min", "Custom fields through WorkOS support"),
    ("HiBob", "hibob", "service user id + token", "pulled, 30 min", "View rights on Root, Work, About, Employment; access to “Everyone”"),
    ("Breathe HR", "breathe hr", "API key", "pulled", "Departments become groups"),
    ("Access People HR", "people hr", "API key", "pulled", "Departments become groups"),
    ("Cezanne HR", "cezanne hr", "client id + secret", "pulled", ""),
    ("Fourth", "fourth hr", "organization id, user name, password", "pulled", ""),
    ("SFTP", "sftp", "public SSH key (ED25519, ECDSA, RSA)", "read on change and every 30 min", "Host sftp.workos.com; users.csv, and user_groups.csv for groups"),
    ("SFTP Workday", "sftp workday", "ask WorkOS support", "read", "No public page"),
    ("S3", "s3", "ask WorkOS support", "read", "No public page"),
    ("Personio", "personio", "ask WorkOS support", "pulled", "No public page"),
    ("Rippling (HR), Gusto", "rippling, gusto", "–", "–", "Only in older data"),
)  # fmt: skip


@dataclass(frozen=True)
class State:
    """What a directory's state means, and how to mend it."""

    meaning: str
    mend: str
    settled: bool = False


STATES = {
    "linked": State("Set up and working.", "Nothing to do.", settled=True),
    "validating": State(
        "Set up; the first data has not been read yet.",
        "Wait: pushed data comes when the provider sends it, pulled data within half an hour. If it stays, check that "
        "people are assigned at the provider, and that each has an address.",
    ),
    "invalid_credentials": State(
        "The provider refuses the credentials WorkOS holds, so nothing is read any more.",
        "Let the customer's admin enter new credentials: dashboard → the organization → the directory, or a new "
        "Admin Portal link. What was read before stays until then.",
    ),
    "unlinked": State(
        "Created, but not set up (or unlinked again).",
        "Finish the provider's steps above: endpoint and token entered, provisioning on, people assigned.",
    ),
    "deleting": State(
        "Being removed, with everybody in it.",
        "Nothing can be mended here. Was it a mistake? Create a new directory and connect it anew.",
    ),
}


def state_of(state: str) -> State:
    """Return what a state means, also one the API may add tomorrow."""
    unknown = State(
        "A state this version does not know.", "Look at the directory's page in the WorkOS dashboard."
    )
    return STATES.get(state, unknown)


QUICK_START = (
    (
        "1. Account and directory",
        "a directory of a supported provider",
        "steps 1 and 3; the sandbox needs neither",
        "",
    ),
    (
        "2. Dashboard",
        "an organization, a directory in it, the provider's page; copy the id directory_…",
        "steps 1 to 3; the widget finds the id",
        "what state the directory is in: step 4",
    ),
    (
        "3. SDK and variables",
        "WORKOS_API_KEY and WORKOS_CLIENT_ID",
        "WORKOS_API_KEY; reading needs no client id",
        "",
    ),
    (
        "4. Fetch",
        "one user, users by directory or group; one group, groups by directory or user; limit, before, after",
        "load_user, load_users, load_group, load_groups",
        "order: without it the cursors lead the other way, and who follows after stops at one page. The whole list, with duplicates and stuck cursors. Four requests a second for each directory's users, 100 for a key. Inactive users: by default they are deleted",
    ),
    (
        "5. Memberships",
        "the group filter on users, the user filter on groups",
        "load_memberships",
        "updated_at stays as it is when a membership changes; groups of a user are empty for newer teams",
    ),
    (
        "6. Events",
        "the events API rather than webhooks",
        "follow_events, take_snapshot, refresh",
        "a lost place, removals that come late, and that a deletion may mean switched off",
    ),
)
"""The official quick start of mid 2026: its step, what it says there, where that is here, what it leaves out."""
