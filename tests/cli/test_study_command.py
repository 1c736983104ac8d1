"""``diffpose-nb study``: a table that is wrong, and the script of a job. What a study does, its package tests."""


def test_a_bad_table_is_refused_with_all_its_rows(call, files, tmp_path):
    table = files.folder / "bad.csv"
    table.write_text("ct,xray,sid\nseries,front.dcm,1000\nseries,no.dcm,far\nseries,front.dcm,1000\n")
    done = call("study", table, "-o", tmp_path / "results")
    assert done.exit_code == 2
    lines = done.stderr.strip().splitlines()
    assert [line.strip()[:8] for line in lines[1:]] == ["- line 3", "- line 3", "- line 4"]
    assert "no.dcm" in lines[1] and "'far'" in lines[2] and "like that of line 2" in lines[3]
    assert not (tmp_path / "results").exists()


def test_where_to_is_asked_for(call, files):
    done = call("study", files.folder / "table.csv")
    assert done.exit_code == 2 and "name it with -o" in done.stderr


def test_the_script_of_a_job_is_printed_and_nothing_else_happens(call, tmp_path):
    described = tmp_path / "cluster.yaml"
    described.write_text("jobqueue:\n  slurm:\n    cores: 8\n    memory: 24GB\n    queue: long\n")
    done = call("study", "no_table.csv", "--cluster", described, "--job-script")
    assert done.exit_code == 0 and "#SBATCH -p long" in done.stdout and "dask_worker" in done.stdout
    without = call("study", "no_table.csv", "--job-script")
    assert without.exit_code == 2 and "--cluster" in without.stderr


def test_a_cluster_needs_a_number_of_workers(call, files, tmp_path):
    described = tmp_path / "cluster.yaml"
    described.write_text("jobqueue:\n  slurm:\n    cores: 8\n    memory: 24GB\n")
    table = files.folder / "good.csv"
    table.write_text("ct,xray\nseries,front.dcm\n")
    done = call("study", table, "-o", tmp_path / "results", "--cluster", described)
    assert done.exit_code == 2 and "workers is not given" in done.stderr
