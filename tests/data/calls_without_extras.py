"""Call all that needs an extra where none is installed, and print as JSON what each call says."""

import contextlib
import io
import json
import sys
from importlib.abc import MetaPathFinder

EXTRAS = {
    "openpyxl", "pyarrow", "yaml", "scim2_models", "psycopg", "sqlalchemy", "jupyterlab", "nbclient",
    "nbconvert", "workos", "dask", "distributed", "sphinx", "myst_nb", "furo",
}  # fmt: skip


class Missing(MetaPathFinder):
    """Finds no module that an extra brings."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in EXTRAS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Missing())

import matplotlib as mpl  # noqa: E402

mpl.use("agg")

import dirsync_nb as ds  # noqa: E402
from dirsync_nb import files, onboarding, site  # noqa: E402
from dirsync_nb.cli import main  # noqa: E402

client = ds.connect_sandbox(world="okta", users=20)
sandbox = client.sandbox
directories = ds.load_directories(client)
okta = directories.index[0]
users = ds.load_users(client, directory_id=okta)
groups = ds.load_groups(client, directory_id=okta)
members = ds.load_memberships(client, directory_id=okta)
snapshot = ds.take_snapshot(client)
said = {"works": ["load"]}


def call(name, function):
    """Note which error a call ends in, and how many requests it made before."""
    before = len(sandbox.requests)
    try:
        function()
    except Exception as error:
        said[name] = (type(error).__name__, str(error), len(sandbox.requests) - before)
    else:
        said[name] = ("no error", "", 0)


def command(name, *words):
    """Note the exit code of a command, and what it says on standard error."""
    with contextlib.redirect_stderr(io.StringIO()) as err, contextlib.redirect_stdout(io.StringIO()):
        code = main([*words])
    said[f"dirsync-nb {name}"] = (code, err.getvalue())


with open("world.yaml", "w") as file:  # noqa: PTH123
    file.write("organizations: []\n")

call("write_xlsx", lambda: files.write_xlsx(users, "users.xlsx"))
call("save_frame", lambda: files.save_frame(users, "users.parquet"))
call("open_frame", lambda: files.open_frame("users.parquet"))
for kind in ("xlsx", "parquet"):
    call(f"save_lists {kind}", lambda kind=kind: onboarding.save_lists("lists", {"users": users}, kind=kind))
call("take_snapshot", lambda: ds.take_snapshot(client, path="moment.zip"))
call("Snapshot.save", lambda: snapshot.save("moment.zip"))
call("open_snapshot", lambda: ds.open_snapshot("moment.zip"))
call("take_fleet", lambda: ds.take_fleet(client, "fleet"))
call("open_fleet", lambda: ds.open_fleet("fleet"))
call("a fleet on a cluster", lambda: ds.take_fleet(client, "fleet", cluster="tcp://127.0.0.1:1"))
call("load_app_users", lambda: ds.load_app_users("sqlite:///app.db", table="users"))
call("world", lambda: ds.connect_sandbox(world="world.yaml"))
call("site", lambda: site.build("site"))
command("lab", "lab")
command("tour", "tour")
command("sandbox", "sandbox", "--world", "world.yaml")

sandbox.play()
said["works"].append("providers that write through the SCIM door")
files.write_csv(users, "users.csv").unlink()
said["works"].append("csv")
ds.analysis.users_without_group(members, users)
ds.analysis.group_overlap(members)
said["works"].append("analysis")
ds.charts.plot_group_sizes(members, groups)
said["works"].append("charts")
repr(ds.widgets.DirectoryExplorer(client)._repr_mimebundle_())
said["works"].append("widgets")
ds.compare(users, users[["email"]].reset_index(drop=True), on="email")
said["works"].append("compare")
ds.audit.check_directory(users, groups, members)
said["works"].append("audit")
snapshot.refresh(client)
said["works"].append("snapshot")
command("check", "check", "world.yaml")
said["works"].append("check")
print(json.dumps(said))
