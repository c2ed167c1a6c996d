"""An ordinary test of the team's own code, on the same sandbox as the notebooks."""

import dirsync_nb as ds


def active_addresses(client, directory_id):
    """Give the addresses of everybody who may sign in."""
    users = ds.load_users(client, directory_id=directory_id)
    return set(users.loc[users["state"] == "active", "address"])


def test_a_leaver_may_not_sign_in(dirsync_client, dirsync_sandbox):
    directory = ds.load_directories(dirsync_client)["active_users"].idxmax()
    kim = dirsync_sandbox.add_user(directory, email="kim@harbourline.example", first_name="Kim")
    assert "kim@harbourline.example" in active_addresses(dirsync_client, directory)
    dirsync_sandbox.delete_user(kim)
    assert "kim@harbourline.example" not in active_addresses(dirsync_client, directory)
