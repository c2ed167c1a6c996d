"""The sample app: fits the sandbox's people but for what a plan should find."""

from __future__ import annotations

import sqlite3

import pytest

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.provisioning.sample import sample_flaws


def test_the_second_path_of_the_readme_runs_as_it_stands(client, okta, tmp_path):
    users = ds.load_users(client, directory_id=okta)
    path = ds.write_sample_app(users, tmp_path / "app.db")
    app = ds.load_app_users(f"sqlite:///{path}", table="users")
    asked = {"on": {"idp_id": "idp_id", "email": "address"}, "active": "active"}
    plan = ds.compare(users, app, fields={"name": "name"}, **asked)
    counts = plan.counts
    assert counts["deactivate"] == 3  # two who left, and the administrator nobody has in the directory
    assert counts["cannot_compare"] == 2  # the one who stands in it twice
    assert min(counts["create"], counts["update"], counts["same_person"], plan.unchanged) > 3
    by_email = ds.compare(users, app, on="email", active="active")
    assert by_email.counts["deactivate"] == 4  # by the address alone the renamed one is gone
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM users WHERE id = (SELECT MAX(id) - 3 FROM users)")
    connection.close()
    mended = ds.load_app_users(f"sqlite:///{path}", table="users")
    script = ds.compare(users, mended, fields={"name": "name"}, **asked).to_sql("sqlite")
    with sqlite3.connect(path) as connection:
        connection.executescript(script)
    connection.close()
    after = ds.compare(users, ds.load_app_users(f"sqlite:///{path}", table="users"), **asked)
    assert after.counts | {"tombstone": 0} == dict.fromkeys(counts, 0)


def test_the_same_people_give_the_same_file_which_is_not_overwritten_unasked(client, okta, tmp_path):
    users = ds.load_users(client, directory_id=okta)
    one, two = (ds.write_sample_app(users, tmp_path / name) for name in ("a.db", "b.db"))
    assert one.read_bytes() == two.read_bytes()
    with pytest.raises(errors.ArgumentError, match=r"a\.db is there already"):
        ds.write_sample_app(users, one)
    assert ds.write_sample_app(users, one, replace=True).read_bytes() == two.read_bytes()
    with pytest.raises(errors.ArgumentError, match="nobody in these users is active"):
        ds.write_sample_app(users.iloc[:0], tmp_path / "c.db")
    assert not (tmp_path / "c.db").exists()


def test_the_lines_of_the_readme_make_a_script(client, okta, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    users = ds.load_users(client, directory_id=okta)
    ds.write_sample_app(users, "app.db")
    app = ds.load_app_users("sqlite:///app.db", table="users")
    plan = ds.compare(users, app, on=["idp_id", "email"], active="active")
    plan.to_sql("sqlite", path="plan.sql")
    assert (tmp_path / "plan.sql").read_text(encoding="utf-8").endswith("COMMIT;\n")


ONE = "email,first_name,last_name\nada@harbour.example,Ada,Lee\n"
EXPORT = "id,email,firstName,lastName,department,status\n" + "".join(
    f"00u{n},p{n}@harbour.example,P{n},Lee,Ops,{'DEPROVISIONED' if n == 3 else 'ACTIVE'}\n" for n in range(40)
)


def users_of(world, client, okta, tmp_path):
    if world == "default":
        return ds.load_users(client, directory_id=okta)
    (tmp_path / "people.csv").write_text(ONE if world == "one person" else EXPORT, encoding="utf-8")
    with ds.connect_sandbox(people=tmp_path / "people.csv", company="Harbour") as own:
        try:
            return ds.load_users(own, directory_id=ds.load_directories(own).index[0])
        finally:
            own.sandbox.stop()


@pytest.mark.parametrize("world", ["default", "one person", "exported people"])
def test_compare_finds_what_was_planted_and_nothing_else(world, client, okta, tmp_path):
    users = users_of(world, client, okta, tmp_path)
    path = ds.write_sample_app(users, f"sqlite:///{tmp_path / 'app.db'}")
    app = ds.load_app_users(f"sqlite:///{path}", table="users")
    fields = {"name": "name", "department": "custom_attributes.department_name"}
    plan = ds.compare(users, app, on=["idp_id", "email"], fields=fields, active="active")
    flaws = sample_flaws(users)

    def planted(*kinds):
        return set(flaws.loc[flaws["flaw"].isin(kinds), "user_id"].dropna())

    twice = planted("duplicate")
    changed = planted("off", "renamed", "department") - twice
    assert set(plan.create["address"]) == set(users.loc[sorted(planted("missing")), "address"])
    assert set(plan.update["user_id"]) == changed
    assert set(plan.same_person["user_id"]) == planted("case") - changed - twice
    assert plan.counts["cannot_compare"] == 2 * len(twice)
    assert plan.counts["deactivate"] == flaws["flaw"].isin(["left", "administrator"]).sum()
    assert len(planted("renamed")) == 1
    if world == "one person":
        assert flaws["flaw"].tolist() == ["renamed", "administrator"]
    else:
        assert set(flaws["flaw"]) >= {"missing", "off", "renamed", "duplicate", "left", "administrator", "case"}


def test_a_database_by_address_holds_the_same(client, okta, postgres_url):
    users = ds.load_users(client, directory_id=okta)
    with pytest.raises(errors.ArgumentError, match="the table users is there already"):
        ds.write_sample_app(users, postgres_url)
    told = ds.write_sample_app(users, postgres_url, replace=True)
    assert "hunter2" not in told
    app = ds.load_app_users(postgres_url, table="users")
    plan = ds.compare(users, app, on=["idp_id", "email"], active="active")
    assert plan.counts["deactivate"] == 3
    assert plan.counts["cannot_compare"] == 2
    assert plan.to_sql("postgresql").endswith("COMMIT;\n")
    with pytest.raises(errors.ConfigurationError, match="writing the sample app to postgresql"):
        ds.write_sample_app(users, "postgresql://app:hunter2@127.0.0.1:1/app")
