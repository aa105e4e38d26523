"""Chains, drawn."""

import re
import xml.etree.ElementTree

from test_agents import PROJECT  # noqa: F401: the fixtures of a module start its PROJECT

from harness import TOP


def boxes(svg):
    root = xml.etree.ElementTree.fromstring(svg)
    rects = [one for one in root.iter("{http://www.w3.org/2000/svg}rect") if one.get("stroke")]
    return [tuple(float(one.get(name)) for name in ("x", "y", "width", "height")) for one in rects]


def test_a_chain_in_force_as_json_mermaid_and_svg(server):
    graph = server.request("GET", "/api/v1/chains/routed/graph").json
    assert [node["name"] for node in graph["nodes"]] == ["input", "answer", "output"]
    assert graph["nodes"][1]["kind"] == "switch" and "chain part" in graph["nodes"][1]["what"][1]
    assert graph["edges"] == [{"from": "input", "to": "answer"}, {"from": "answer", "to": "output"}]
    mermaid = server.cli("chains", "graph", "routed").stdout
    assert mermaid.startswith("flowchart TD\n") and "n0 --> n1" in mermaid and '"' in mermaid
    assert "uses look_up, think" in server.cli("chains", "graph", "desk@1").stdout
    svg = server.request("GET", "/api/v1/chains/desk/graph?format=svg")
    assert svg.headers["content-type"] == "image/svg+xml" and len(boxes(svg.text)) == 3


def test_what_is_wrong_is_said(server, tmp_path):
    assert server.request("GET", "/api/v1/chains/desc/graph").error["code"] == "model_not_found"
    assert server.request("GET", "/api/v1/chains/desk/graph?ref=9").error["code"] == "version_not_found"
    assert server.request("GET", "/api/v1/chains/desk/graph?format=gif").error["param"] == "format"
    answer = server.request("POST", "/api/v1/chains/graph", {"spec": {"steps": [{"name": "a", "transform": "${{ steps.b.output }}"}]}})
    assert answer.status == 400 and "/steps/0/transform" in answer.error["message"]
    (tmp_path / "two.yaml").write_text("kind: chain\nname: a\nsteps: [{name: x, transform: 1}]\n---\nkind: chain\nname: b\nsteps: [{name: y, transform: 1}]\n")
    failed = server.cli("chains", "graph", "--file", str(tmp_path / "two.yaml"), check=False)
    assert failed.returncode == 2 and "several" in failed.stderr
    assert "y<br/>transform" in server.cli("chains", "graph", "b", "--file", str(tmp_path / "two.yaml")).stdout


def test_boxes_do_not_overlap_and_edges_go_down(server):
    svg = server.cli("chains", "graph", "publish", "--file", str(TOP / "examples" / "newsroom" / "chains" / "publish.yaml"), "--svg").stdout
    found = boxes(svg)
    assert len(found) > 5
    for i, (x, y, width, height) in enumerate(found):
        for other_x, other_y, other_width, other_height in found[i + 1 :]:
            apart = x + width <= other_x or other_x + other_width <= x or y + height <= other_y or other_y + other_height <= y
            assert apart
    for path in re.findall(r'<path d="(M[^"]*)" fill="none"', svg):
        numbers = [float(one) for one in re.findall(r"-?[\d.]+", path)]
        assert numbers[-1] > numbers[1], "an edge goes down"
